import type { NetworkPod, NetworkService } from '@/contracts/host/v1/networks'
import { formatIp, inSubnet, parseIp, parseSubnet, type Ip } from '@/domain/shared/ip'
import { UNREACHABLE_DESTINATIONS, UNREACHABLE_DESTINATIONS_6, type PodPort } from '../attachment'
import type { NetworkState } from '../network-state'

type Endpoint = NetworkService['ports'][number]['endpoints'][number]

/** How an endpoint of a port is chosen: one of `count`, or the one that the client had within `seconds`; null: it remembers nobody. */
export type Choice = { readonly count: number; readonly seconds: number | null }

/**
 * What one address of a service puts into the maps. `ports`: `address . protocol . port`, and the code of how an endpoint is chosen there.
 * `endpoints`: the same key with a number from 0 on or, with affinity, an endpoint's id. `ids`: with affinity, from number to id.
 */
export type ServiceElements = {
  readonly ip: Ip
  readonly address: string
  readonly choices: readonly Choice[]
  readonly ports: ReadonlyMap<string, string>
  readonly endpoints: ReadonlyMap<string, string>
  readonly ids: ReadonlyMap<string, string>
}

/** A number for each way to choose, as nft writes a mark: a port has 2,000 endpoints at most (contracts/host/v1/networks.ts), and no more than a day is remembered. */
export const choiceCode = ({ count, seconds }: Choice): string => mark((seconds ?? 0) * 2048 + count)

/** An object of the network is never changed but replaced, so what was worked out for one holds as long as it is there. */
const known = new WeakMap<NetworkService, { local: ReadonlySet<string> | null; elements: readonly ServiceElements[] }>()

/** The elements of a service, one for each of its addresses. `local` are the addresses of this host's pods: a `localOnly` service leads to no others. */
export function serviceElements(service: NetworkService, localAddresses: ReadonlySet<string>): readonly ServiceElements[] {
  const local = service.localOnly ? localAddresses : null
  const last = known.get(service)
  if (last?.local === local) return last.elements
  const elements = service.addresses.map(parseIp).map((ip) => elementsAt(service, ip, local))
  known.set(service, { local, elements })
  return elements
}

const lastLocal = new WeakMap<readonly NetworkPod[], { ports: readonly PodPort[]; addresses: ReadonlySet<string> }>()

/** The addresses, of both families and in their one form, of the pods that run on this host; the same set for the same lists. */
export function localAddresses({ ports, pods }: Pick<NetworkState, 'ports' | 'pods'>): ReadonlySet<string> {
  const last = lastLocal.get(pods)
  if (last?.ports === ports) return last.addresses
  const here = new Set(ports.map(({ uid }) => uid))
  const addresses = new Set(pods.filter(({ uid }) => here.has(uid)).flatMap((pod) => pod.addresses.map((address) => formatIp(parseIp(address)))))
  lastLocal.set(pods, { ports, addresses })
  return addresses
}

/** Endpoints of all ports of all services of a network that a host carries out: each is an element in the kernel's memory, and they are the tenant's to write. */
export const MOST_ENDPOINTS = 100_000

/**
 * Each address of the network's services with its service's uid. One that two claim is the first one's, by uid: a bad object must not keep all others out.
 * A service whose endpoints are beyond {@link MOST_ENDPOINTS} has none here, so its clients are refused.
 */
export function* servedAddresses(state: Pick<NetworkState, 'services' | 'ports' | 'pods'>): Generator<[uid: string, elements: ServiceElements]> {
  const local = localAddresses(state)
  const taken = new Set<string>()
  let endpoints = 0
  for (const service of inOrder(state.services)) {
    for (const elements of serviceElements(service, local)) {
      if (taken.has(elements.address)) continue
      taken.add(elements.address)
      if (endpoints + elements.endpoints.size > MOST_ENDPOINTS) continue
      endpoints += elements.endpoints.size
      yield [service.uid, elements]
    }
  }
}

/** Names of services that are left out for having more endpoints than fit, for people. */
export function servicesLeftOut(state: Pick<NetworkState, 'services' | 'ports' | 'pods'>): string[] {
  if (state.services.reduce((sum, { ports }) => sum + ports.reduce((all, { endpoints }) => all + endpoints.length, 0), 0) <= MOST_ENDPOINTS) return []
  const served = new Set([...servedAddresses(state)].map(([uid]) => uid))
  return state.services.filter(({ uid, addresses }) => addresses.length > 0 && !served.has(uid)).map(({ namespace, name }) => `${namespace}/${name}`)
}

const ordered = new WeakMap<readonly NetworkService[], readonly NetworkService[]>()

function inOrder(services: readonly NetworkService[]): readonly NetworkService[] {
  const known = ordered.get(services) ?? [...services].sort((a, b) => (a.uid < b.uid ? -1 : 1))
  ordered.set(services, known)
  return known
}

function elementsAt({ ports, affinitySeconds }: NetworkService, ip: Ip, local: ReadonlySet<string> | null): ServiceElements {
  const address = formatIp(ip)
  const found = { ip, address, choices: [] as Choice[], ports: new Map<string, string>(), endpoints: new Map<string, string>(), ids: new Map<string, string>() }
  for (const { protocol, port, endpoints } of ports) {
    const key = `${address} . ${protocol} . ${port}`
    const targets = targetsOf(endpoints, ip, local)
    if (targets.length === 0 || found.ports.has(key)) continue
    const choice = { count: targets.length, seconds: affinitySeconds }
    found.choices.push(choice)
    found.ports.set(key, choiceCode(choice))
    const ids = affinitySeconds === null ? null : idsOf(targets)
    targets.forEach((target, at) => {
      const name = mark(ids?.[at] ?? at)
      found.endpoints.set(`${key} . ${name}`, target)
      if (ids) found.ids.set(`${key} . ${mark(at)}`, name)
    })
  }
  return found
}

const mark = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`

/** What no pod may send to, it may not send to through a service either: an endpoint may be any address that a tenant writes down, and the address is looked at before it is translated. */
const unreachable = [...UNREACHABLE_DESTINATIONS, ...UNREACHABLE_DESTINATIONS_6].map(parseSubnet)

/** `address . port` of the service's family, each once, in an order that does not hang on the server's. */
function targetsOf(endpoints: readonly Endpoint[], { family }: Ip, local: ReadonlySet<string> | null): string[] {
  const all = endpoints.map(({ address, port }) => ({ ip: parseIp(address), port })).filter(({ ip }) => ip.family === family && !unreachable.some((subnet) => inSubnet(subnet, ip)) && (local === null || local.has(formatIp(ip))))
  all.sort((a, b) => (a.ip.value === b.ip.value ? a.port - b.port : a.ip.value < b.ip.value ? -1 : 1))
  return [...new Set(all.map(({ ip, port }) => `${formatIp(ip)} . ${port}`))]
}

/** FNV-1a, 32 bits. */
const hashOf = (text: string): number => [...text].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 0x0100_0193) >>> 0, 0x811c_9dc5)

/** A number for each endpoint that stays the same as others come and go, and is never 0: the next free one where two agree. */
function idsOf(targets: readonly string[]): number[] {
  const taken = new Set<number>([0])
  return targets.map((target) => {
    let id = hashOf(target)
    while (taken.has(id)) id = (id + 1) >>> 0
    taken.add(id)
    return id
  })
}
