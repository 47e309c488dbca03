import type { BalancerSource } from '@/domain/load-balancer/view'
import type { Claims } from './claims'
import type { FloatingRefusal } from '@/server/store/floating-addresses'
import type { WorldAddress, WorldBalancer, WorldHost, WorldSource } from './world'

/** A condition of an object: of a Service or an Ingress, and of its balancer where it has one, or of a FloatingAddress. */
export type Verdict = { kind: BalancerSource | 'FloatingAddress'; uid: string; balancerUid: string | null; namespace: string | null; name: string; generation: number; status: 'True' | 'False' | 'Unknown'; reason: string; message: string }
type Said = Pick<Verdict, 'status' | 'reason' | 'message'>
type Hosts = ReadonlyMap<string, WorldHost>

const no = (reason: string, message: string): Said => ({ status: 'False', reason, message })

/** Whether what a service or an ingress asked for answers, and if not, why and what helps. `ofName`: the balancer of its name, which may be that of one before. */
export function judgeSource(source: WorldSource, balancer: WorldBalancer | undefined, ofName: WorldBalancer | undefined, claims: Claims, hosts: Hosts): Verdict {
  const { kind, uid, namespace, name, generation } = source
  return { kind, uid, balancerUid: balancer?.uid ?? null, namespace, name, generation, ...saidOfSource(source, balancer, ofName, claims, hosts) }
}

function saidOfSource(source: WorldSource, balancer: WorldBalancer | undefined, ofName: WorldBalancer | undefined, claims: Claims, hosts: Hosts): Said {
  const own = claims.ofSource.get(source.uid)
  if (source.compiled === null) return no('Invalid', source.problem)
  if (!balancer && ofName) return waitsForName(source, ofName, hosts)
  if (!own || own.addresses.length === 0) return own?.problem ? no('NoAddress', own.problem) : no('Pending', 'An address is being taken for it.')
  if (!balancer) return no('Pending', 'Its load balancer is being made.')
  if (balancer.inner.length === 0) return no('NoAddressInNetwork', balancer.refusal || 'It has no address in its network yet.')
  const waits = own.addresses.find(({ hostId, balancerUid }) => hostId !== null && balancerUid !== balancer.uid)
  if (balancer.hostId === null) return no('NoHost', 'No host that is ready answers for addresses of the outside: wait until one is ready, or ask an operator.')
  const host = hosts.get(balancer.hostId)
  if (balancer.leaving) return no('Moving', `Host "${host?.name ?? ''}" is about to let go of it; then it gets a host anew.`)
  if (!host?.ready) return { status: 'Unknown', reason: 'HostUnknown', message: `Host "${host?.name ?? ''}" has not been heard of: it may still answer. It moves to another host, where there is one, once this one may not.` }
  const here = own.addresses.filter(({ hostId, balancerUid }) => hostId === balancer.hostId && balancerUid === balancer.uid).map(({ address }) => address)
  if (here.length === 0) return no('Moving', waits ? `${waits.address} is about to leave host "${hosts.get(waits.hostId ?? '')?.name ?? ''}", which has to say that it answers no more.` : 'Its address is about to come to its host.')
  const { phase, reason, message } = balancer.report ?? { phase: '', reason: '', message: '' }
  if (phase === 'Failed') return no(reason || 'Failed', message || `Host "${host.name}" could not run it.`)
  if (phase !== 'Active' && phase !== 'Degraded') return no('Pending', `Host "${host.name}" has not said yet that it runs.`)
  const { reach } = balancer
  if (reach.size > 0 && !reach.has(host.id)) return no('NoneReached', `None of its ready pods is on host "${host.name}", which runs it, and a network does not reach from one host to another yet: they are on ${namesOf(reach, hosts)}. It moves there once a host of these is ready for it.`)
  const lacking = here.length > 0 && source.both === 'required' ? lackingFamily(own.addresses) : null
  if (lacking !== null) return no('NotDualStack', `Answers at ${here.join(' and ')}, and at no IPv${lacking} address, which its ipFamilyPolicy or ipFamilies demand. ${own.wantsAlso === null ? 'Name one of that family, too, or ask for one family.' : ''}`.trimEnd())
  const also = [own.problem, source.warning, phase === 'Degraded' ? message : '', unreached(host, balancer.networkId, hosts)].filter(Boolean)
  return { status: 'True', reason: phase === 'Degraded' ? 'Degraded' : also.length > 0 ? 'Partly' : 'Ready', message: [`Answers at ${here.join(' and ')}.`, ...also].join(' ') }
}

function lackingFamily(addresses: readonly WorldAddress[]): 4 | 6 | null {
  const there = new Set(addresses.map(({ family }) => family))
  return there.size > 1 ? null : there.has(4) ? 6 : 4
}

/** Of what answers, or shall, why it has no address of the other family. That there are none of that family is told to who demands one alone. */
export function withoutSecond(verdict: Verdict, { reason, message }: Pick<FloatingRefusal, 'reason' | 'message'>): Verdict {
  if (verdict.reason === 'NotDualStack') return { ...verdict, message: `${verdict.message} ${message}` }
  if (verdict.status !== 'True' || reason === 'NoDefaultPool') return verdict
  return { ...verdict, reason: verdict.reason === 'Ready' ? 'Partly' : verdict.reason, message: `${verdict.message} It has no address of the other family: ${message}` }
}

const namesOf = (ids: ReadonlySet<string>, hosts: Hosts): string => (ids.size > 3 ? `${ids.size} other hosts` : `host ${[...ids].map((id) => `"${hosts.get(id)?.name ?? ''}"`).join(' and ')}`)

/** Which pods get nothing from a balancer on this host, for they are on others; empty: none. */
function unreached(host: WorldHost, networkId: string, hosts: Hosts): string {
  const others = [...hosts.values()].filter(({ id, networks }) => id !== host.id && networks.has(networkId)).map(({ name }) => `"${name}"`)
  if (others.length === 0) return ''
  return `It runs on host "${host.name}", and pods of its network on ${others.length > 3 ? `${others.length} other hosts` : `host ${others.join(' and ')}`} get no connections from it: a network does not reach from one host to another yet.`
}

/** An object of this name was there before, and what it had is on its way out. */
function waitsForName({ kind, name }: WorldSource, { hostId }: WorldBalancer, hosts: Hosts): Said {
  const host = hostId === null ? undefined : hosts.get(hostId)
  const before = `The load balancer of the ${kind} "${name}" that was here before`
  if (!host) return no('Pending', `${before} is being removed.`)
  return no('NameInUse', `${before} has to leave host "${host.name}" first, which has to say that it answers no more${host.ready ? '' : ': it has not been heard of. It goes once this host is heard of, or may answer no more'}. To have one at once, use another name.`)
}

/** Whether an address leads where its tenant wants it to. */
export function judgeAddress(address: WorldAddress, claims: Claims, bySource: ReadonlyMap<string, WorldBalancer>, hosts: Hosts): Verdict {
  const { uid, name, generation } = address
  return { kind: 'FloatingAddress', uid, balancerUid: null, namespace: null, name, generation, ...saidOfAddress(address, claims.ofAddress.get(uid), bySource, hosts) }
}

function saidOfAddress({ address, deleted, podUid, balancerUid, hostId }: WorldAddress, claim: Claims['ofAddress'] extends Map<string, infer C> ? C | undefined : never, bySource: ReadonlyMap<string, WorldBalancer>, hosts: Hosts): Said {
  const host = hostId === null ? undefined : hosts.get(hostId)
  const leaves = `${address} is about to leave host "${host?.name ?? ''}", which has to say that it answers no more; of a silent host it is waited until it may not.`
  if (deleted) return no('GivenBack', hostId === null ? 'It was given back.' : leaves)
  if (!claim) return no('NoTarget', 'It leads nowhere: name a pod, service or ingress as its target.')
  if (claim.kind === 'none') return no(claim.reason, claim.message)
  const holds = claim.kind === 'pod' ? podUid === claim.pod.uid : balancerUid !== null && balancerUid === bySource.get(claim.source.uid)?.uid
  if (!holds && hostId !== null) return no('Moving', leaves)
  if (!holds || hostId === null) return no('Pending', claim.kind === 'pod' ? 'Its host is about to take it.' : 'Its load balancer has no host yet: what is in the way stands with that.')
  if (!host?.ready) return { status: 'Unknown', reason: 'HostUnknown', message: `Host "${host?.name ?? ''}" has not been heard of: it may still answer.` }
  return { status: 'True', reason: 'Associated', message: claim.kind === 'pod' ? `Leads to pod "${claim.pod.name}" in namespace "${claim.pod.namespace}", on host "${host.name}".` : `Leads to the load balancer of ${claim.source.kind} "${claim.source.name}" in namespace "${claim.source.namespace}", on host "${host.name}".` }
}
