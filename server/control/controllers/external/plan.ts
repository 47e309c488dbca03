import { claimAddresses, type Claims } from './claims'
import { judgeAddress, judgeSource, type Verdict } from './verdicts'
import type { FamilyName, World, WorldAddress, WorldBalancer, WorldHost, WorldSource } from './world'

export type Holding = Pick<WorldAddress, 'podUid' | 'balancerUid' | 'hostId'>
/** Changes of rows; each is written only where the row still is what the plan was made from. */
export type ExternalPlan = {
  create: WorldSource[]
  /** Balancers without a host that nobody asks for, and addresses without a host that were given back or taken for a balancer that needs them no more. */
  removeBalancers: string[]
  removeAddresses: string[]
  compile: { uid: string; source: WorldSource }[]
  /** `to` null: its host is lost, and answers for nothing any more. */
  bind: { uid: string; from: string | null; to: string | null }[]
  leave: { uid: string; hostId: string; leaving: boolean }[]
  hold: { uid: string; from: Holding; to: Holding }[]
  /** Balancers for which an address is to be taken; `also`: of this family and no other, beside the one that it has. */
  take: { balancer: WorldBalancer; source: WorldSource; also: FamilyName | null }[]
  verdicts: Verdict[]
}

export const isIdle = ({ verdicts: _, ...plan }: ExternalPlan): boolean => Object.values(plan).every((list) => list.length === 0)

/**
 * What has to change so that each service and ingress that asks for it has a balancer on a host, and each address leads where it shall. An address has a new holder
 * on another host only once no host answers for it: until then it has its holder no more and its host still. Pure; done again, it changes nothing.
 */
export function planExternal(world: World): ExternalPlan {
  const claims = claimAddresses(world)
  const hosts = new Map(world.hosts.map((host) => [host.id, host]))
  const plan: ExternalPlan = { create: [], removeBalancers: [], removeAddresses: [], compile: [], bind: [], leave: [], hold: [], take: [], verdicts: [] }
  const bySource = new Map(world.balancers.map((balancer) => [balancer.sourceUid, balancer]))
  /** Where a balancer may have its addresses from now on; null: nowhere. */
  const places = new Map<string, string | null>()
  const load = new Map(world.hosts.map(({ id, balancers }) => [id, balancers]))
  const sources = new Map(world.sources.map((source) => [source.uid, source]))
  /** One of a name at a time: an object that was deleted and made anew waits until what the one before had is gone. */
  const byName = new Map(world.balancers.map((balancer) => [nameKey(balancer), balancer]))
  for (const source of world.sources) if (!byName.has(nameKey(source))) plan.create.push(source)
  for (const balancer of world.balancers) {
    const source = sources.get(balancer.sourceUid)
    places.set(balancer.uid, source ? planBalancer(plan, balancer, source, claims, hosts, load) : planEnd(plan, balancer, hosts))
  }
  for (const address of world.addresses) planAddress(plan, address, claims, bySource, places, hosts)
  // Who has none comes before who has one and asks for another.
  plan.take.sort((a, b) => Number(a.also !== null) - Number(b.also !== null))
  plan.hold = oneOfEachFamily(plan.hold, world.addresses)
  plan.verdicts.push(...world.sources.map((source) => judgeSource(source, bySource.get(source.uid), byName.get(nameKey(source)), claims, hosts)), ...world.addresses.map((address) => judgeAddress(address, claims, bySource, hosts)))
  return plan
}

const nameKey = ({ kind, namespace, name }: Pick<WorldSource, 'kind' | 'namespace' | 'name'>): string => `${kind} ${namespace}/${name}`
const isLost = (hosts: ReadonlyMap<string, WorldHost>, id: string): boolean => hosts.get(id)?.lost ?? true

/** Nobody asks for it any more. */
function planEnd(plan: ExternalPlan, { uid, hostId, leaving }: WorldBalancer, hosts: ReadonlyMap<string, WorldHost>): null {
  if (hostId === null) plan.removeBalancers.push(uid)
  else if (isLost(hosts, hostId)) plan.bind.push({ uid, from: hostId, to: null })
  else if (!leaving) plan.leave.push({ uid, hostId, leaving: true })
  return null
}

function planBalancer(plan: ExternalPlan, balancer: WorldBalancer, source: WorldSource, claims: Claims, hosts: ReadonlyMap<string, WorldHost>, load: Map<string, number>): string | null {
  const { uid, hostId, leaving, inner, report } = balancer
  const own = claims.ofSource.get(source.uid)
  if (!balancer.same) plan.compile.push({ uid, source })
  if ((own?.wants || own?.wantsAlso) && source.compiled) plan.take.push({ balancer, source, also: own.wantsAlso })
  const runs = source.compiled !== null && inner.length > 0 && (own?.addresses.length ?? 0) > 0
  if (hostId !== null && !isLost(hosts, hostId)) {
    // What its host said it does not run, though told to, is tried elsewhere or anew.
    const leaves = !runs || !hosts.get(hostId)?.capable || report?.phase === 'Gone' || isApart([...hosts.values()], hostId, balancer)
    if (leaves !== leaving) plan.leave.push({ uid, hostId, leaving: leaves })
    return leaves ? null : hostId
  }
  const to = runs ? chooseHost([...hosts.values()], balancer, load) : null
  if (to !== hostId) plan.bind.push({ uid, from: hostId, to })
  if (to !== null) load.set(to, (load.get(to) ?? 0) + 1)
  return to
}

const isUsable = ({ ready, capable, cordoned, lost }: WorldHost): boolean => ready && capable && !cordoned && !lost

type Wants = Pick<WorldBalancer, 'networkId' | 'reach'>
/** How little a balancer has to do on a host: 0 where there are ready endpoints of its own services, 1 where there are pods of its network, 2 where there are none. */
const farness = ({ id, networks }: WorldHost, { networkId, reach }: Wants): number => (reach.has(id) ? 0 : networks.has(networkId) ? 1 : 2)

/**
 * Whether a balancer leads to nobody where it is, for a network does not reach from one host to another, and another host could take it: one with ready endpoints of its services, or,
 * where its own has not even pods of its network, one with these.
 */
function isApart(hosts: readonly WorldHost[], hostId: string, wants: Wants): boolean {
  const here = hosts.find(({ id }) => id === hostId)
  const now = here ? farness(here, wants) : 2
  return hosts.some((host) => isUsable(host) && farness(host, wants) < now)
}

/** A Ready host that can, those with ready endpoints of its services before those with pods of the network, these before others, then the one with the fewest balancers. */
export function chooseHost(hosts: readonly WorldHost[], wants: Wants, load: ReadonlyMap<string, number>): string | null {
  const usable = hosts.filter(isUsable)
  const weigh = (host: WorldHost): [number, number, string] => [farness(host, wants), load.get(host.id) ?? 0, host.id]
  const [best] = usable.map((host) => ({ host, by: weigh(host) })).sort((a, b) => a.by[0] - b.by[0] || a.by[1] - b.by[1] || (a.by[2] < b.by[2] ? -1 : 1))
  return best?.host.id ?? null
}

function planAddress(plan: ExternalPlan, address: WorldAddress, claims: Claims, bySource: ReadonlyMap<string, WorldBalancer>, places: ReadonlyMap<string, string | null>, hosts: ReadonlyMap<string, WorldHost>): void {
  const claim = claims.ofAddress.get(address.uid)
  const balancer = claim?.kind === 'source' ? bySource.get(claim.source.uid) : undefined
  const want: Holding = claim?.kind === 'pod' ? { podUid: claim.pod.uid, balancerUid: null, hostId: claim.pod.hostId } : { podUid: null, balancerUid: balancer?.uid ?? null, hostId: balancer ? (places.get(balancer.uid) ?? null) : null }
  const { uid, podUid, balancerUid, hostId } = address
  const from = { podUid, balancerUid, hostId }
  const isNeedless = address.deleted || (address.managed && address.target === null && claim === undefined)
  if (isNeedless && hostId === null) {
    plan.removeAddresses.push(uid)
    return
  }
  const to = nextHolding(from, want, hostId !== null && isLost(hosts, hostId))
  if (to.podUid !== podUid || to.balancerUid !== balancerUid || to.hostId !== hostId) plan.hold.push({ uid, from, to })
}

/**
 * A pod has one address of each family at any time: who comes to one that another address has still, and which is not about to lose it here, waits, and leads nowhere meanwhile.
 * So addresses that change places, each with the other's pod, both come there.
 */
function oneOfEachFamily(hold: ExternalPlan['hold'], addresses: readonly WorldAddress[]): ExternalPlan['hold'] {
  const familyOf = new Map(addresses.map(({ uid, family }) => [uid, family]))
  const holders = new Map<string, string>(addresses.flatMap(({ uid, podUid, family }) => (podUid === null ? [] : [[`${podUid} ${family}`, uid] as const])))
  const after = new Map(hold.map(({ uid, to }) => [uid, to.podUid]))
  return hold.flatMap((one) => {
    const { uid, from, to } = one
    const other = to.podUid === null ? undefined : holders.get(`${to.podUid} ${familyOf.get(uid)}`)
    if (other === undefined || other === uid || after.get(other) === null) return [one]
    return from.podUid === null && from.balancerUid === null ? [] : [{ uid, from, to: { podUid: null, balancerUid: null, hostId: from.hostId } }]
  })
}

/** One step towards whom an address shall have: only an address that no host answers for, or whose host is lost, may come to another host. */
export function nextHolding(from: Holding, want: Holding, lost: boolean): Holding {
  if (from.hostId === null || from.hostId === want.hostId || (lost && want.hostId !== null)) return want
  if (lost) return { ...want, hostId: null }
  const isSame = from.podUid === want.podUid && from.balancerUid === want.balancerUid
  return isSame ? from : { podUid: null, balancerUid: null, hostId: from.hostId }
}
