import { randomInt } from 'node:crypto'

const range = 2 ** 31

/** The seed of properties: what HYPERNETES_PROPERTY_SEED says, a whole number of 32 bits as fast-check names it, or, where that is not set or empty, one that is drawn. Throws where it is anything else. */
export function readPropertySeed(text: string | undefined): number {
  if (text === undefined || text === '') return randomInt(range)
  const seed = Number(text)
  if (!/^-?\d+$/.test(text) || seed < -range || seed >= range) throw new Error(`HYPERNETES_PROPERTY_SEED is ${JSON.stringify(text)}: set it to the seed that a failed property names, a whole number from ${-range} to ${range - 1}, or leave it out`)
  return seed
}
