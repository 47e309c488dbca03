import { expect, it } from 'vitest'
import { oneMore } from './under-way'

it('a tenant has two uploads under way, all together sixteen, and a place that failed is free again', async () => {
  const ends: (() => void)[] = []
  const held = (tenant: string) => oneMore(tenant, () => new Promise<void>((resolve) => ends.push(resolve)))
  const refused = (tenant: string) => oneMore(tenant, async () => 'went')
  const all = [held('a'), held('a')]
  await expect(refused('a')).rejects.toMatchObject({ code: 'rate_limited', message: expect.stringContaining('2 uploads of this tenant') })
  for (let i = 0; i < 7; i += 1) all.push(held(`b${i}`), held(`b${i}`))
  await expect(refused('c')).rejects.toMatchObject({ code: 'rate_limited', message: expect.stringContaining('Too many') })
  for (const end of ends.splice(0)) end()
  await Promise.all(all)
  for (let i = 0; i < 20; i += 1) await expect(oneMore('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await refused('a')).toBe('went')
})
