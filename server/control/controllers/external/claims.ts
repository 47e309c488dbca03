import { familyOf } from '@/domain/shared/ip'
import { groupBy } from './parts'
import type { FamilyName, World, WorldAddress, WorldPod, WorldSource } from './world'

/** Who shall have an address. */
export type Claim = { kind: 'pod'; pod: WorldPod } | { kind: 'source'; source: WorldSource } | { kind: 'none'; reason: string; message: string }
/** `wants`: none is its own and it names none, so that one is to be taken for it; `wantsAlso`: and one of this family beside what was taken. `problem`: why it has not what it names. */
export type SourceAddresses = { addresses: WorldAddress[]; wants: boolean; wantsAlso: FamilyName | null; problem: string }
export type Claims = { ofAddress: Map<string, Claim>; ofSource: Map<string, SourceAddresses> }

const maxAddresses = 4
const said = ({ kind, namespace, name }: { kind: string; namespace: string; name: string }) => `${kind} "${name}" in namespace "${namespace}"`
const none = (reason: string, message: string): Claim => ({ kind: 'none', reason, message })

/**
 * Who shall have which address: whom the address names as its target, else the oldest service or ingress that names the address, else, of those that were taken for a
 * balancer, the balancer that has it. Pure; each address has one claim.
 */
export function claimAddresses(world: World): Claims {
  const ofAddress = new Map<string, Claim>()
  const ofSource = new Map<string, SourceAddresses>(world.sources.map(({ uid }) => [uid, { addresses: [], wants: false, wantsAlso: null, problem: '' }]))
  const give = (address: WorldAddress, source: WorldSource) => {
    ofAddress.set(address.uid, { kind: 'source', source })
    ofSource.get(source.uid)?.addresses.push(address)
  }
  const bySourceName = new Map(world.sources.map((source) => [said(source), source]))
  const pods = new Map(world.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]))
  const balancerOf = new Map(world.balancers.map(({ uid, sourceUid }) => [sourceUid, uid]))
  const podFamilies = new Set<string>()
  const kept = world.addresses.filter(({ deleted }) => !deleted)
  // An address that a pod has goes before one that it shall get: the second of a family waits.
  for (const address of [...kept].sort((a, b) => Number(b.podUid !== null) - Number(a.podUid !== null))) {
    if (!address.target) continue
    if (address.target.kind === 'Pod') ofAddress.set(address.uid, podClaim(world, pods, address, podFamilies))
    else {
      const { kind } = address.target
      const source = bySourceName.get(said(address.target))
      if (source && (ofSource.get(source.uid)?.addresses.length ?? 0) < maxAddresses) give(address, source)
      else ofAddress.set(address.uid, source ? none('TooManyAddresses', `${said(address.target)} has ${maxAddresses} addresses already: name another target.`) : none('TargetNotFound', `${said(address.target)} ${kind === 'Service' ? 'does not exist, or is not of type LoadBalancer' : 'does not exist'}: create it, or name another target.`))
    }
  }
  const named = { byName: new Map(kept.map((one) => [one.name, one])), byIp: new Map([...kept].reverse().map((one) => [one.address, one])) }
  for (const source of world.sources) {
    const own = ofSource.get(source.uid)
    if (!own) continue
    for (const [text, address] of namedOf(source, named)) {
      if (!address) {
        own.problem ||= text
        continue
      }
      const claim = ofAddress.get(address.uid)
      if (claim?.kind === 'source' && claim.source.uid === source.uid) continue
      if (claim) own.problem ||= `${text} leads elsewhere${claim.kind === 'none' ? '' : `, to ${claim.kind === 'pod' ? said({ kind: 'Pod', ...claim.pod }) : said(claim.source)}`}: name another address, or take it from there.`
      else if (own.addresses.length >= maxAddresses) own.problem ||= `A load balancer has ${maxAddresses} addresses at most: name fewer.`
      else give(address, source)
    }
  }
  const ofBalancer = groupBy(kept.filter(({ managed }) => managed), ({ balancerUid }) => balancerUid)
  for (const source of world.sources) {
    const own = ofSource.get(source.uid)
    if (!own || own.addresses.length > 0 || source.named !== null || source.ips.length > 0) continue
    const before = (ofBalancer.get(balancerOf.get(source.uid) ?? '') ?? []).filter(({ uid }) => !ofAddress.has(uid))
    const kept = keptOf(source, before)
    for (const address of kept) give(address, source)
    own.wants = kept.length === 0
    if (source.both !== null && kept.length === 1) own.wantsAlso = kept[0]?.family === 4 ? 'IPv6' : 'IPv4'
  }
  return { ofAddress, ofSource }
}

/** Of the addresses that were taken for a source, those that it has still: one, or one of each family where it asks for both. */
function keptOf({ family, both }: WorldSource, taken: readonly WorldAddress[]): WorldAddress[] {
  const first = taken.find((one) => `IPv${one.family}` === (family ?? 'IPv4')) ?? taken[0]
  const other = both === null ? undefined : taken.find((one) => one.family !== first?.family)
  return [first, other].flatMap((one) => one ?? [])
}

/** What a source names, each with the address or why there is none. */
function namedOf({ named, ips }: WorldSource, addresses: { byName: ReadonlyMap<string, WorldAddress>; byIp: ReadonlyMap<string, WorldAddress> }): [string, WorldAddress | null][] {
  const byName = named === null ? [] : [addresses.byName.get(named) ?? named]
  const byIp = ips.map((ip) => addresses.byIp.get(ip) ?? ip)
  return [...byName, ...byIp].map((one, i) => {
    if (typeof one !== 'string') return [`Floating address "${one.name}" (${one.address})`, one]
    return [i < byName.length ? `There is no floating address "${one}": create it, or take the annotation away to be given one.` : `${one} is no floating address of this tenant: create a FloatingAddress with this address, or ask for none to be given one.`, null]
  })
}

function podClaim(world: World, pods: ReadonlyMap<string, WorldPod>, { family, target }: WorldAddress, taken: Set<string>): Claim {
  const pod = pods.get(`${target?.namespace ?? ''}/${target?.name ?? ''}`)
  if (!pod || !target) return none('TargetNotFound', `Pod "${target?.name ?? ''}" in namespace "${target?.namespace ?? ''}" does not exist: create it, or name another target.`)
  const key = `${pod.uid} ${family}`
  if (taken.has(key)) return none('TargetHasAddress', `${said(target)} has another floating address of IPv${family} already: name another target.`)
  taken.add(key)
  if (pod.hostId === null) return none('TargetNotPlaced', `${said(target)} has no host yet: the address leads to it once it has one.`)
  // IPv6 is routed to the pod as it is, IPv4 is translated to the pod's own.
  if (!pod.addresses.some((one) => family === 6 || familyOf(one) === 4)) return none('TargetNotPlaced', `${said(target)} has no address in its network yet: the address leads to it once it has one.`)
  if (!world.hosts.some(({ id, capable }) => id === pod.hostId && capable)) return none('HostCannot', `The host of ${said(target)} does not answer for addresses of the outside: ask an operator to upgrade its agent.`)
  return { kind: 'pod', pod }
}
