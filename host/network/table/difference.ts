import { differingParts } from './joined-map'
import { EMPTY_TABLE, merged, type NftChain, type NftTables, type WholeTable } from './model'

/**
 * The commands of `nft -f` that lead from one state of a namespace's tables to another; empty where they are the same. One transaction: in
 * the order written, nothing is removed that is still named, and nothing is named before it is there.
 */
export function difference(previous: NftTables, next: NftTables): string {
  const names = new Set([...previous.keys(), ...next.keys()])
  return [...names].flatMap((name) => {
    const [before, after] = [previous.get(name), next.get(name)]
    if (!after) return [`delete table ${name}`]
    if (before === after) return []
    return [...(before ? [] : [`add table ${name}`]), ...tableDifference(name, before ? merged(name, before) : EMPTY_TABLE, merged(name, after))]
  }).map((line) => `${line}\n`).join('')
}

function tableDifference(name: string, before: WholeTable, after: WholeTable): string[] {
  const gone = goneNames(before, after)
  const rules = chainRules(name, before, after, gone)
  const sets = setElements(name, before, after, gone)
  const maps = mapElements(name, before, after, gone)
  const removed = (kind: string, all: Iterable<string>) => [...all].filter((one) => gone.has(one)).map((one) => `delete ${kind} ${name} ${one}`)
  const isNew = (one: string, has: boolean) => !has || gone.has(one)
  return [
    ...rules.flush, ...sets.remove, ...maps.remove,
    // Maps before the chains that their verdicts name, and all before the counters that maps or rules count in.
    ...removed('map', before.maps.keys()), ...removed('set', before.sets.keys()), ...removed('chain', before.chains.keys()), ...removed('counter', before.counters), ...removed('ct timeout', before.timeouts.keys()),
    ...[...after.counters].filter((one) => isNew(one, before.counters.has(one))).map((one) => `add counter ${name} ${one}`),
    ...[...after.timeouts].filter(([one]) => isNew(one, before.timeouts.has(one))).map(([one, declaration]) => `add ct timeout ${name} ${one} { ${declaration} }`),
    ...[...after.chains].filter(([one]) => isNew(one, before.chains.has(one))).map(([one, { hook }]) => `add chain ${name} ${one}${hook === undefined ? '' : ` { ${hook} }`}`),
    ...[...after.sets].filter(([one]) => isNew(one, before.sets.has(one))).map(([one, { declaration }]) => `add set ${name} ${one} { ${declaration} }`),
    ...[...after.maps].filter(([one]) => isNew(one, before.maps.has(one))).map(([one, { declaration }]) => `add map ${name} ${one} { ${declaration} }`),
    ...sets.add, ...maps.add, ...rules.add,
  ]
}

/** Names of what goes, or comes back as something else: a changed declaration or hook cannot be given to what is there. */
function goneNames(before: WholeTable, after: WholeTable): Set<string> {
  const declared = (was: ReadonlyMap<string, { declaration: string }>, is: ReadonlyMap<string, { declaration: string }>) => [...was].filter(([key, { declaration }]) => is.get(key)?.declaration !== declaration)
  return new Set([
    ...[...before.counters].filter((one) => !after.counters.has(one)),
    ...[...before.timeouts].filter(([one, declaration]) => after.timeouts.get(one) !== declaration).map(([one]) => one),
    ...declared(before.sets, after.sets).map(([one]) => one),
    ...declared(before.maps, after.maps).map(([one]) => one),
    ...[...before.chains].filter(([one, { hook }]) => !after.chains.has(one) || after.chains.get(one)?.hook !== hook).map(([one]) => one),
  ])
}

const words = (text: string): string[] => text.match(/[A-Za-z_][\w-]*/g) ?? []
const names = (text: string, gone: ReadonlySet<string>): boolean => gone.size > 0 && words(text).some((word) => gone.has(word))
const sameRules = (a: NftChain, b: NftChain): boolean => a.rules === b.rules || (a.rules.length === b.rules.length && a.rules.every((rule, at) => rule === b.rules[at]))

/** A chain's rules are replaced together: where they differ, or where one names what goes. */
function chainRules(name: string, before: WholeTable, after: WholeTable, gone: ReadonlySet<string>): { flush: string[]; add: string[] } {
  const flush: string[] = []
  const add: string[] = []
  for (const [one, was] of before.chains) {
    const is = after.chains.get(one)
    const stays = is !== undefined && is.hook === was.hook && (is === was || sameRules(is, was)) && !was.rules.some((rule) => names(rule, gone))
    if (stays) continue
    if (was.rules.length > 0) flush.push(`flush chain ${name} ${one}`)
    if (is) add.push(...is.rules.map((rule) => `add rule ${name} ${one} ${rule}`))
  }
  for (const [one, { rules }] of after.chains) if (!before.chains.has(one)) add.push(...rules.map((rule) => `add rule ${name} ${one} ${rule}`))
  return { flush, add }
}

type Changes = { remove: string[]; add: string[] }
const listed = (verb: string, name: string, one: string, elements: readonly string[]): string[] => (elements.length === 0 ? [] : [`${verb} element ${name} ${one} { ${elements.join(', ')} }`])

function setElements(name: string, before: WholeTable, after: WholeTable, gone: ReadonlySet<string>): Changes {
  const changes: Changes = { remove: [], add: [] }
  for (const [one, is] of after.sets) {
    const was = gone.has(one) ? undefined : before.sets.get(one)
    if (was && (was === is || was.elements === is.elements)) continue
    const [has, wants] = [new Set(was?.elements), new Set(is.elements)]
    const [surplus, missing] = [[...has].filter((element) => !wants.has(element)), [...wants].filter((element) => !has.has(element))]
    // What nft merged is not found again by its parts.
    const replace = surplus.length > 0 && is.declaration.includes('auto-merge')
    if (replace) changes.remove.push(`flush set ${name} ${one}`)
    else changes.remove.push(...listed('delete', name, one, surplus))
    changes.add.push(...listed('add', name, one, replace ? [...wants] : missing))
  }
  return changes
}

function mapElements(name: string, before: WholeTable, after: WholeTable, gone: ReadonlySet<string>): Changes {
  const changes: Changes = { remove: [], add: [] }
  for (const [one, is] of after.maps) {
    const was = gone.has(one) ? undefined : before.maps.get(one)
    if (was && gone.size === 0 && (was === is || was.elements === is.elements)) continue
    const [has, wants] = differingParts(was?.elements ?? new Map<string, string>(), is.elements)
    const surplus = [...has].filter(([key, value]) => wants.get(key) !== value || names(value, gone)).map(([key]) => key)
    const removed = new Set(surplus)
    const missing = [...wants].filter(([key]) => !has.has(key) || removed.has(key)).map(([key, value]) => `${key} : ${value}`)
    changes.remove.push(...listed('delete', name, one, surplus))
    changes.add.push(...listed('add', name, one, missing))
  }
  return changes
}
