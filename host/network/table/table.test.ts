import { describe, expect, it } from 'vitest'
import { difference } from './difference'
import type { NftSection, NftTables } from './model'
import { Table } from './table'

const tables = (...sections: NftSection[]): NftTables => new Map([['inet hypernetes', sections]])
const set = (declaration: string, ...elements: string[]) => ({ declaration, elements })
const chain = (...rules: string[]) => ({ rules })
const lines = (before: NftSection, after: NftSection) => difference(tables(before), tables(after)).trimEnd().split('\n')

describe('the difference of two states', () => {
  it('is nothing where they are equal', () => {
    const one = (): NftSection => ({ sets: new Map([['s', set('type ipv4_addr;', '10.0.0.1')]]), maps: new Map([['m', { declaration: 'type mark : verdict;', elements: new Map([['1', 'drop']]) }]]), counters: ['n'], chains: new Map([['c', chain('ip saddr @s drop')]]) })
    expect(difference(tables(one()), tables(one()))).toBe('')
  })

  it('of elements names those alone', () => {
    const section = (...elements: string[]): NftSection => ({ sets: new Map([['s', set('type ipv4_addr;', ...elements)]]), chains: new Map([['c', chain('ip saddr @s drop')]]) })
    expect(lines(section('10.0.0.1', '10.0.0.2'), section('10.0.0.2', '10.0.0.3'))).toEqual(['delete element inet hypernetes s { 10.0.0.1 }', 'add element inet hypernetes s { 10.0.0.3 }'])
  })

  it('of elements that nft merges has all of them again', () => {
    const section = (...elements: string[]): NftSection => ({ sets: new Map([['s', set('type ipv4_addr; flags interval; auto-merge;', ...elements)]]) })
    expect(lines(section('10.0.0.0/24', '10.0.0.0/25'), section('10.0.0.0/25'))).toEqual(['flush set inet hypernetes s', 'add element inet hypernetes s { 10.0.0.0/25 }'])
  })

  it('empties a chain before what it names goes, and fills it when all is there', () => {
    const before: NftSection = { sets: new Map([['old', set('type ipv4_addr;', '10.0.0.1')]]), chains: new Map([['gone', chain('accept')], ['c', chain('ip saddr @old jump gone')]]) }
    const after: NftSection = { sets: new Map([['new', set('type ipv4_addr;', '10.0.0.1')]]), chains: new Map([['come', chain('drop')], ['c', chain('ip saddr @new jump come')]]) }
    expect(lines(before, after)).toEqual([
      'flush chain inet hypernetes gone', 'flush chain inet hypernetes c', 'delete set inet hypernetes old', 'delete chain inet hypernetes gone',
      'add chain inet hypernetes come', 'add set inet hypernetes new { type ipv4_addr; }', 'add element inet hypernetes new { 10.0.0.1 }',
      'add rule inet hypernetes c ip saddr @new jump come', 'add rule inet hypernetes come drop',
    ])
  })

  it('fills a chain anew whose set is declared in another way', () => {
    const section = (declaration: string): NftSection => ({ sets: new Map([['s', set(declaration, '10.0.0.1')]]), chains: new Map([['c', chain('ip saddr @s drop')], ['other', chain('accept')]]) })
    expect(lines(section('type ipv4_addr;'), section('type ipv4_addr; size 9;'))).toEqual([
      'flush chain inet hypernetes c', 'delete set inet hypernetes s', 'add set inet hypernetes s { type ipv4_addr; size 9; }',
      'add element inet hypernetes s { 10.0.0.1 }', 'add rule inet hypernetes c ip saddr @s drop',
    ])
  })

  it('removes a verdict before its chain, and adds the chain before a verdict to it', () => {
    const section = (target: string): NftSection => ({ maps: new Map([['m', { declaration: 'type ipv4_addr : verdict;', elements: new Map([['10.0.0.1', `jump ${target}`], ['10.0.0.2', 'drop']]) }]]), chains: new Map([[target, chain()], ['c', chain('ip saddr vmap @m')]]) })
    expect(lines(section('a'), section('b'))).toEqual(['delete element inet hypernetes m { 10.0.0.1 }', 'delete chain inet hypernetes a', 'add chain inet hypernetes b', 'add element inet hypernetes m { 10.0.0.1 : jump b }'])
  })

  it('gives a verdict again whose chain becomes one of a hook and back', () => {
    const section = (target: string): NftSection => ({ maps: new Map([['m', { declaration: 'type ipv4_addr : verdict;', elements: new Map([['10.0.0.1', `jump ${target}`]]) }]]), chains: new Map([['a', target === 'a' ? chain() : { hook: 'type filter hook input priority 0;', rules: [] }], ['b', chain()]]) })
    expect(lines(section('a'), section('b'))).toEqual(['delete element inet hypernetes m { 10.0.0.1 }', 'delete chain inet hypernetes a', 'add chain inet hypernetes a { type filter hook input priority 0; }', 'add element inet hypernetes m { 10.0.0.1 : jump b }'])
  })

  it('refuses a name that two sections have', () => {
    expect(() => difference(tables(), tables({ counters: ['n'] }, { chains: new Map([['n', chain()]]) }))).toThrow('two sections have the name n')
  })
})

describe('a table', () => {
  const element = (address: string) => tables({ sets: new Map([['s', set('type ipv4_addr;', address)]]) })
  const kernel = () => {
    const loads: string[] = []
    return { loads, fail: false, loadRules(rules: string) { loads.push(rules.split('\n')[0] ?? ''); return this.fail ? Promise.reject(new Error('no')) : Promise.resolve() }, listRules: () => Promise.resolve({ nftables: [{ metainfo: {} }, { counter: { name: 'n', packets: 2, bytes: 90, handle: 3 } }] }) }
  }

  it('is loaded whole at first and where a change is refused, else by what changed, and not at all where nothing did', async () => {
    const mine = kernel()
    const table = new Table(mine)
    await table.load(element('10.0.0.1'))
    await table.load(element('10.0.0.1'))
    await table.load(element('10.0.0.2'))
    mine.fail = true
    await expect(table.load(element('10.0.0.3'))).rejects.toThrow('no')
    mine.fail = false
    await table.load(element('10.0.0.2'))
    expect(mine.loads).toEqual(['flush ruleset', 'delete element inet hypernetes s { 10.0.0.1 }', 'delete element inet hypernetes s { 10.0.0.2 }', 'flush ruleset', 'flush ruleset'])
  })

  it('beside those of others replaces itself alone', async () => {
    const mine = kernel()
    await new Table(mine, 'tables').load(element('10.0.0.1'))
    expect(mine.loads).toEqual(['table inet hypernetes'])
  })

  it('says what was counted', async () => {
    expect(await new Table(kernel()).counters()).toEqual(new Map([['n', { packets: 2, bytes: 90 }]]))
  })
})
