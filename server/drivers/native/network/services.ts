import type { NetworkService } from '@/contracts/host/v1/networks'
import type { NetworkState, StateEndpoints, StatePod, StateService } from '@/domain/network/state'
import type { EndpointAddress } from '@/domain/service/endpoints'
import { serviceFamilies } from '@/domain/service/families'
import { familyOf, type Family } from '@/domain/shared/ip'

/** Where a connection may go: of a pod its address in each of the service's families. */
type Target = { address: string; hostId: string | null; hostname: string | null }

/** Of one port, of both families (contracts/host/v1/networks.ts). */
export const maxTargets = 2000

/** How many endpoints a service's object has at most. */
export const sizeOf = (endpoints: StateEndpoints | undefined): number => (endpoints?.subsets ?? []).reduce((sum, { addresses, ports }) => sum + 2 * addresses.length * Math.max(1, ports.length), 0)

/** Services of which a port, or the names, had more than that. */
const shortened = new WeakSet<NetworkService>()
export const isShortened = (service: NetworkService): boolean => shortened.has(service)

type Made = { endpoints: StateEndpoints | undefined; pods: (StatePod | undefined)[]; families: string; object: NetworkService }
/** What was made of a service's row before: of the same rows comes the same object, which is known for the same without a look inside. */
const made = new WeakMap<StateService, Made>()

/** A service as hosts carry it out, with the endpoints of its name that take connections. */
export function serviceObject(service: StateService, endpoints: StateEndpoints | undefined, pods: ReadonlyMap<string, StatePod>, network: NetworkState['network']): NetworkService {
  const { addresses, spec } = service
  const families = addresses.length > 0 ? addresses.map(familyOf) : serviceFamilies(spec, network.spec).families
  const named = (endpoints?.subsets ?? []).flatMap((subset) => subset.addresses.map(({ targetRef }) => pods.get(targetRef?.uid ?? '')))
  const before = made.get(service)
  if (before?.endpoints === endpoints && before?.families === families.join() && before.pods.length === named.length && named.every((pod, i) => pod === before.pods[i])) return before.object
  const object = makeService(service, endpoints, pods, families)
  made.set(service, { endpoints, pods: named, families: families.join(), object })
  return object
}

function makeService({ uid, namespace, name, spec, addresses }: StateService, endpoints: StateEndpoints | undefined, pods: ReadonlyMap<string, StatePod>, families: readonly Family[]): NetworkService {
  const isName = spec.type === 'ExternalName'
  const isHeadless = addresses.length === 0
  const hasSelector = Object.keys(spec.selector).length > 0
  let isCut = false
  const most = <T>(list: T[]): T[] => {
    isCut ||= list.length > maxTargets
    return list.slice(0, maxTargets)
  }
  const subsets = isName ? [] : (endpoints?.subsets ?? []).map((subset) => ({ ports: subset.ports, targets: subset.addresses.flatMap((one) => targetsOf(one, pods, families, hasSelector)) }))
  const ports = isName ? [] : spec.ports.map((port) => {
    const found = subsets.flatMap((subset) => subset.ports.filter((one) => one.name === port.name && one.protocol === port.protocol).flatMap((one) => subset.targets.map(({ address, hostId }) => ({ address, port: one.port, hostId }))))
    return { name: port.name ?? null, protocol: port.protocol === 'TCP' ? ('tcp' as const) : ('udp' as const), port: port.port, endpoints: most(once(found, (one) => `${one.address} ${one.port}`)) }
  })
  const hosts = isHeadless ? most(once(subsets.flatMap(({ targets }) => targets.map(({ hostname, address }) => ({ hostname, address }))), (one) => `${one.hostname ?? ''} ${one.address}`)) : []
  const object: NetworkService = {
    kind: 'service', uid, namespace, name, addresses, ports, hosts,
    externalName: isName ? (spec.externalName ?? null) : null,
    localOnly: spec.internalTrafficPolicy === 'Local',
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP.timeoutSeconds ?? 10_800) : null,
  }
  if (isCut) shortened.add(object)
  return object
}

function targetsOf({ ip, hostname: name, targetRef }: EndpointAddress, pods: ReadonlyMap<string, StatePod>, families: readonly Family[], hasSelector: boolean): Target[] {
  const hostname = name ?? null
  const pod = targetRef?.kind === 'Pod' && targetRef.uid !== undefined ? pods.get(targetRef.uid) : undefined
  if (pod) return pod.addresses.filter((address) => families.includes(familyOf(address))).map((address) => ({ address, hostId: pod.hostId, hostname }))
  // What was written by itself names a pod that has gone: its address may be another's by now.
  return hasSelector || !families.includes(familyOf(ip)) ? [] : [{ address: ip, hostId: null, hostname }]
}

const once = <T>(list: readonly T[], key: (one: T) => string): T[] => [...new Map(list.map((one) => [key(one), one])).values()]
