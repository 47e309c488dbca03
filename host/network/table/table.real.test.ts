import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { NetworkNamespaceKernel } from '../kernel'
import { ruleset } from '../testing/kernel-snapshot'
import type { NftChain, NftMap, NftSection, NftSet, NftTables } from './model'
import { Table } from './table'

const tag = randomBytes(3).toString('hex')
const [stepwise, atOnce] = [`hyt-${tag}-steps`, `hyt-${tag}-whole`] as const
const kernel = (name: string) => new NetworkNamespaceKernel(name, run)

beforeAll(() => Promise.all([stepwise, atOnce].map((name) => run('ip', ['netns', 'add', name]))))
afterAll(() => Promise.all([stepwise, atOnce].map((name) => run('ip', ['netns', 'delete', name]))))

const plain = fc.record({ declaration: fc.constantFrom('type ipv4_addr;', 'type ipv4_addr; size 4096;'), elements: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3', '192.0.2.9']) })
/** Never two of one block: their intervals overlap. */
const blocks = [['10.0.0.0/24', '10.0.0.0/25', '10.0.0.7-10.0.0.9', '10.0.0.8'], ['10.0.1.0/24', '10.0.1.128/25'], ['10.9.0.0/16']] as const
const disjoint = fc.tuple(...blocks.map((block) => fc.option(fc.constantFrom(...block), { nil: undefined }))).map((all) => all.flatMap((one) => one ?? []))
const intervals = fc.record({ declaration: fc.constant('type ipv4_addr; flags interval;'), elements: disjoint })
const pairs = fc.record({ declaration: fc.constant('type ipv4_addr . inet_service; flags interval;'), elements: disjoint.map((all) => all.map((one, at) => `${one} . ${80 + at}-${90 + at}`)) })
const anySet: fc.Arbitrary<NftSet> = fc.oneof(plain, intervals, pairs)

const optional = <T>(names: readonly string[], value: fc.Arbitrary<T>) => fc.tuple(...names.map((name) => fc.option(value, { nil: undefined }).map((one) => [name, one] as const)))
  .map((all) => new Map(all.flatMap(([name, one]) => (one === undefined ? [] : [[name, one] as const]))))

const hooks = ['type filter hook forward priority filter; policy drop;', 'type filter hook forward priority filter; policy accept;', 'type filter hook input priority filter; policy drop;']
const sources = ['s1', 's2', 's3'] as const
const jumps = ['r1', 'r2', 'r3', 'r4'] as const
const rule = fc.constantFrom('accept', 'drop', 'tcp dport 80 counter accept', ...sources.map((one) => `ip saddr @${one} accept`), ...jumps.map((one) => `ip protocol tcp jump ${one}`), 'ip daddr vmap @m1', 'counter name n1', 'counter name n2')
const rules = fc.array(rule, { maxLength: 4 })

/** States whose parts name nothing but what is there; chains of the hook `r…` jump to later ones alone. */
const state: fc.Arbitrary<NftTables> = fc.record({
  sets: optional(sources, anySet),
  verdicts: fc.option(fc.dictionary(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'), fc.constantFrom('drop', 'accept', ...jumps.map((one) => `jump ${one}`)))),
  counters: fc.subarray(['n1', 'n2']),
  plain: optional(jumps, rules),
  based: optional(['b1', 'b2'], fc.record({ hook: fc.constantFrom(...hooks), rules })),
  arp: fc.option(plain),
}).map(({ sets, verdicts, counters, plain: regular, based, arp }) => {
  const there = new Set([...sets.keys(), ...counters, ...regular.keys(), ...(verdicts ? ['m1'] : [])])
  const known = (text: string, after = '') => (text.match(/\b[srmn]\d\b/g) ?? []).every((one) => there.has(one) && (!one.startsWith('r') || one > after) && !(after !== '' && one === 'm1'))
  // A set of pairs is not asked with an address alone.
  const fits = (text: string) => !/@s\d/.test(text) || !sets.get(/@(s\d)/.exec(text)?.[1] ?? '')?.declaration.includes(' . ')
  const chains = new Map<string, NftChain>([
    ...[...regular].map(([name, list]) => [name, { rules: list.filter((one) => known(one, name) && fits(one)) }] as const),
    ...[...based].map(([name, { hook, rules: list }]) => [name, { hook, rules: list.filter((one) => known(one) && fits(one)) }] as const),
  ])
  const maps = new Map<string, NftMap>(verdicts ? [['m1', { declaration: 'type ipv4_addr : verdict;', elements: new Map(Object.entries(verdicts).filter(([, verdict]) => known(verdict))) }]] : [])
  const network: NftSection = { sets, maps, counters, chains }
  return new Map([['inet hypernetes', [network]], ...(arp ? [['arp hypernetes', [{ sets: new Map([['s1', arp]]) }]] as const] : [])])
})

describe('a table in the kernel', () => {
  it('is the same, whether it came step by step or at once', async () => {
    const table = new Table(kernel(stepwise))
    await fc.assert(fc.asyncProperty(state, async (next) => {
      await table.load(next)
      await new Table(kernel(atOnce)).load(next)
      expect(await ruleset(stepwise)).toEqual(await ruleset(atOnce))
    }), { numRuns: 100, endOnFailure: true })
  })

  it('holds what the last change left when one fails, and all again where others changed it', async () => {
    const table = new Table(kernel(stepwise))
    const good: NftTables = new Map([['inet hypernetes', [{ sets: new Map([['s1', { declaration: 'type ipv4_addr;', elements: ['10.0.0.1'] }]]), chains: new Map([['c', { rules: ['ip saddr @s1 accept'] }]]) }]]])
    await table.load(good)
    const before = await ruleset(stepwise)
    await expect(table.load(new Map([['inet hypernetes', [{ chains: new Map([['c', { rules: ['ip saddr @nothing accept'] }]]) }]]]))).rejects.toThrow('nothing')
    expect(await ruleset(stepwise)).toEqual(before)
    await run('nsenter', [`--net=/run/netns/${stepwise}`, 'nft', 'delete', 'element', 'inet', 'hypernetes', 's1', '{ 10.0.0.1 }'])
    // It is taken up from where it was, and made whole where what differs finds something else.
    const other: NftTables = new Map([['inet hypernetes', [{ sets: new Map([['s1', { declaration: 'type ipv4_addr;', elements: ['10.0.0.2'] }]]), chains: new Map([['c', { rules: ['ip saddr @s1 accept'] }]]) }]]])
    await table.load(other)
    await table.load(good)
    expect(await ruleset(stepwise)).toEqual(before)
  })

  it('counts what its counters saw', async () => {
    const table = new Table(kernel(stepwise))
    await kernel(stepwise).ipBatch(['link set lo up'])
    await table.load(new Map([['inet hypernetes', [{ counters: ['seen'], chains: new Map([['c', { hook: 'type filter hook input priority filter; policy accept;', rules: ['counter name seen'] }]]) }]]]))
    await kernel(stepwise).command('busybox', ['ping', '-c', '1', '127.0.0.1'])
    // A request and its answer, 84 bytes each.
    expect((await table.counters()).get('seen')).toEqual({ packets: 2, bytes: 168 })
  })
})
