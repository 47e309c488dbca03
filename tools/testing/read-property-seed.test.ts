import { expect, it } from 'vitest'
import { readPropertySeed } from './read-property-seed'

it('a seed is the one that is given, or drawn where none is', () => {
  expect(['0', '-7', '2147483647', '-2147483648'].map(readPropertySeed)).toEqual([0, -7, 2 ** 31 - 1, -(2 ** 31)])
  for (const none of [undefined, '']) {
    const drawn = new Set(Array.from({ length: 8 }, () => readPropertySeed(none)))
    expect(drawn.size).toBeGreaterThan(1)
    for (const seed of drawn) expect([Number.isInteger(seed), seed >= 0, seed < 2 ** 31]).toEqual([true, true, true])
  }
})

it('what is no seed is refused, and what helps is said', () => {
  for (const text of ['x', ' ', '1.5', '1e3', '0x10', '2147483648', '-2147483649']) expect(() => readPropertySeed(text)).toThrow(`HYPERNETES_PROPERTY_SEED is ${JSON.stringify(text)}: set it to the seed that a failed property names, a whole number from -2147483648 to 2147483647, or leave it out`)
})
