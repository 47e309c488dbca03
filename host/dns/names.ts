import { isIP, isIPv4 } from 'node:net'
import type { NetworkBase, NetworkObject, NetworkPod, NetworkService } from '@/contracts/host/v1/networks'
import { formatIp, parseIp, parseSubnet } from '@/domain/shared/ip'

/** `_http._tcp.web.default.svc.cluster.local` and where it leads. */
export type ServiceRecord = { readonly name: string; readonly target: string; readonly port: number }
/** A name that stands for another one, and that for the next where it is an alias too; what is last may lie anywhere. */
export type Alias = { readonly name: string; readonly chain: readonly string[] }

/** What a network's resolver says by itself. Names are in lower case, without the dot at the end. */
export type Names = {
  /** By address; the first name is the one that the address is called by in turn. */
  readonly hosts: ReadonlyMap<string, readonly string[]>
  readonly services: readonly ServiceRecord[]
  readonly aliases: readonly Alias[]
}

const isIp = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

/** More are no use to anybody, and each costs the resolver a comparison a question. */
const maxServiceRecords = 20_000
const maxAliases = 1_000
/** Aliases of aliases. */
const maxChain = 8
/** RFC 1035 section 2.3.4, without the length and the dot at the end. */
const maxName = 253
const labels = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** Whether a name may stand in a file of ours: nothing that a line could be broken or ended with. */
export const isName = (name: string): boolean => name.length <= maxName && labels.test(name)

/** A pod of such a name would speak for another pod's address. */
const looksLikeAddress = (name: string): boolean => /^[0-9a-f-]*$/.test(name) && (isIp(name.replaceAll('-', '.')) || isIp(name.replaceAll('-', ':')))

/** `10-0-0-5`, as the Kubernetes specification of DNS has it. */
export const dashed = (address: string): string => (isIPv4(address) ? address : formatIp(parseIp(address))).replaceAll(/[.:]/g, '-').replace(/^-/, '0-').replace(/-$/, '-0')

/**
 * The names of a network as Kubernetes has them (Kubernetes DNS-Based Service Discovery 1.1.0), from what the server says of it. What is no name or no address is left out: it comes
 * from tenants.
 */
export function namesOf(base: NetworkBase, objects: Iterable<NetworkObject>): Names {
  const domain = base.dns.domain.toLowerCase()
  // What an address is called by in turn: a service before a pod's name below a service, and that before the pod's own.
  const ranked: Map<string, string>[] = [new Map(), new Map(), new Map()]
  const hosts = new Map<string, Set<string>>()
  const services: ServiceRecord[] = []
  const targets = new Map<string, string>()
  const add = (rank: 0 | 1 | 2 | null, name: string, address: string) => {
    if (!isIp(address) || !isName(name)) return
    const names = hosts.get(address) ?? new Set()
    hosts.set(address, names.add(name))
    if (rank !== null && !ranked[rank]?.has(address)) ranked[rank]?.set(address, name)
  }
  for (const object of objects) {
    if (object.kind === 'pod') addPod(object, domain, add)
    if (object.kind !== 'service') continue
    if (object.externalName !== null) addAlias(object, domain, targets)
    else addService(object, domain, add)
    if (services.length < maxServiceRecords) services.push(...recordsOf(object, domain))
  }
  const first = (address: string) => ranked.map((names) => names.get(address)).find((name) => name !== undefined)
  const ordered = [...hosts].map(([address, names]): [string, string[]] => {
    const called = first(address)
    return [address, [...(called === undefined ? [] : [called]), ...[...names].filter((name) => name !== called).sort()]]
  })
  return { hosts: new Map(ordered), services: services.slice(0, maxServiceRecords), aliases: chainsOf(targets).slice(0, maxAliases) }
}

type Add = (rank: 0 | 1 | 2 | null, name: string, address: string) => void

const serviceName = ({ name, namespace }: Pick<NetworkService, 'name' | 'namespace'>, domain: string) => `${name}.${namespace}.svc.${domain}`.toLowerCase()

function addPod({ name, namespace, addresses }: NetworkPod, domain: string, add: Add): void {
  const below = `${namespace}.pod.${domain}`.toLowerCase()
  for (const address of addresses.filter(isIp)) {
    if (!looksLikeAddress(name)) add(2, `${name.toLowerCase()}.${below}`, address)
    add(null, `${dashed(address)}.${below}`, address)
  }
}

function addService(service: NetworkService, domain: string, add: Add): void {
  const name = serviceName(service, domain)
  for (const address of service.addresses) add(0, name, address)
  if (service.addresses.length > 0) return
  for (const { hostname, address } of service.hosts) {
    if (!isIp(address)) continue
    add(hostname === null ? null : 1, `${endpointLabel(hostname, address)}.${name}`, address)
    add(null, name, address)
  }
}

const endpointLabel = (hostname: string | null, address: string) => hostname?.toLowerCase() ?? dashed(address)

/** A service with an address answers for itself; of a headless one each endpoint does. Source: the same specification, 2.3.2 and 2.4.2. */
function recordsOf(service: NetworkService, domain: string): ServiceRecord[] {
  const name = serviceName(service, domain)
  const hostnames = new Map(service.hosts.map(({ hostname, address }) => [address, hostname]))
  return service.ports.flatMap((port): ServiceRecord[] => {
    if (port.name === null || service.externalName !== null) return []
    const record = `_${port.name}._${port.protocol}.${name}`.toLowerCase()
    if (!isName(record)) return []
    if (service.addresses.length > 0) return [{ name: record, target: name, port: port.port }]
    return port.endpoints.filter(({ address }) => isIp(address) && hostnames.has(address)).map(({ address, port: number }) => ({ name: record, target: `${endpointLabel(hostnames.get(address) ?? null, address)}.${name}`, port: number })).filter(({ target }) => isName(target))
  })
}

function addAlias(service: NetworkService, domain: string, targets: Map<string, string>): void {
  const [name, target] = [serviceName(service, domain), (service.externalName ?? '').toLowerCase().replace(/\.$/, '')]
  if (isName(name) && isName(target)) targets.set(name, target)
}

/** Follows each alias to its end; one that leads back to itself, or too far, is none. */
function chainsOf(targets: ReadonlyMap<string, string>): Alias[] {
  return [...targets.keys()].flatMap((name) => {
    const chain: string[] = []
    for (let next = targets.get(name); next !== undefined; next = targets.get(next)) if (chain.push(next) > maxChain) return []
    return [{ name, chain }]
  })
}

/** The domain of a subnet's addresses, as PTR questions have it: rounded outwards to whole labels. */
export function reverseDomain(cidr: string): string {
  const { family, network, prefixLength } = parseSubnet(cidr)
  const [bits, total, base, end] = family === 4 ? [8, 32, 10, 'in-addr.arpa'] : [4, 128, 16, 'ip6.arpa']
  const whole = Math.floor(prefixLength / bits)
  const parts = Array.from({ length: whole }, (_, i) => ((network >> BigInt(total - bits * (i + 1))) & BigInt((1 << bits) - 1)).toString(base))
  return [...parts.reverse(), end].join('.')
}
