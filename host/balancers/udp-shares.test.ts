import { describe, expect, it } from 'vitest'
import { udpShares } from './udp-shares'

const none = new Map()
const pods = (...weights: number[]) => weights.map((weight, i) => ({ target: `10.0.0.${i + 2} . 53`, weight }))
const round = (all: ReturnType<typeof pods>, before: ReadonlyMap<string, readonly string[]> = none) => udpShares(new Map([['m', all]]), before).get('m') ?? []
const count = (all: readonly string[], target: string) => all.filter((one) => one === target).length

describe('the shares of UDP', () => {
  it('are as the weights say, in the shortest round that is so', () => {
    expect(round(pods(100, 50))).toEqual(['10.0.0.2 . 53', '10.0.0.2 . 53', '10.0.0.3 . 53'])
    expect(round(pods(1, 1))).toHaveLength(2)
    expect(round(pods(256, 1))).toHaveLength(257)
    expect(round([])).toEqual([])
  })

  it('of a hundred ports with weights that have nothing in common are some thousand elements together, each pod among them', () => {
    const all = pods(...Array.from({ length: 16 }, (_, i) => 241 + i))
    const shares = udpShares(new Map(Array.from({ length: 100 }, (_, port) => [`udp4_${port}`, all])), none)
    const sizes = [...shares.values()].map((one) => one.length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4096)
    for (const one of shares.values()) expect(new Set(one).size).toBe(16)
  })

  it('stay where they are when one comes or goes, but for its own', () => {
    const all = pods(...Array.from({ length: 16 }, (_, i) => 241 + i))
    const before = round(all)
    const without = round(all.slice(1), new Map([['m', before]]))
    const gone = count(before, all[0]?.target ?? '')
    const moved = without.filter((target, at) => target !== before[at]).length
    expect(moved).toBeLessThanOrEqual(2 * gone + 16)
    expect(count(without, all[1]?.target ?? '')).toBeGreaterThan(0)
    const back = round(all, new Map([['m', without]]))
    expect(back.slice(0, without.length).filter((target, at) => target !== without[at]).length).toBeLessThanOrEqual(16 + gone)
    for (const { target } of all) expect(Math.abs(count(back, target) - count(before, target))).toBeLessThanOrEqual(1)
  })
})
