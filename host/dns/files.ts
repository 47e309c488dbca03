import type { NetworkBase, NetworkObject } from '@/contracts/host/v1/networks'
import { inSubnet, isIp, parseIp, parseSubnet } from '@/domain/shared/ip'
import { resolverFolder } from './jail'
import { isName, namesOf, reverseDomain, type Alias, type Names, type ServiceRecord } from './names'

/** A change of one address is a file of some hundred lines, whatever the network's size. */
const buckets = 64
/** Seconds that an answer may be kept: what runs comes and goes. As Kubernetes' own resolver has it. */
const ttl = 5
/** What a pod is told to go on with while the resolver is busy with as many questions of others. */
const [maxForwarded, cachedAnswers, maxConnections] = [150, 1_000, 20]

/** What a network's resolver reads. */
export type ResolverFiles = {
  /** Of the process that the pods ask; another text needs another process. */
  readonly configuration: string
  /** Of the folder that it watches, by file name. */
  readonly hosts: ReadonlyMap<string, string>
  /** What it reads again when it is told to. */
  readonly servers: (ports: HelperPorts) => string
  /** Of the processes behind it; null: there is no need of it. */
  readonly helpers: Readonly<Record<HelperName, ((port: number) => string) | null>>
}

/** Behind the process that pods ask: one with what dnsmasq reads at its start alone, and one for what stands for names outside. */
export const helperNames = ['records', 'aliases'] as const
export type HelperName = (typeof helperNames)[number]
/** The ports at which each listens in turn, on the namespace's own loopback: one that is replaced keeps its own for a while. */
export const helperPorts = { records: [1053, 1054, 1055, 1056], aliases: [1063, 1064, 1065, 1066] } as const satisfies Record<HelperName, readonly number[]>
/** Where they listen now; null: there is none. */
export type HelperPorts = Readonly<Record<HelperName, number | null>>

const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('')
const common = ['no-hosts', 'no-resolv', 'no-poll', 'no-ident', 'bind-interfaces', `local-ttl=${ttl}`, 'edns-packet-max=1232', 'pid-file=', 'log-facility=/dev/null', `max-tcp-connections=${maxConnections}`]

/** All files of a network's resolver, from what the server says of the network. `hostNameservers` are asked where the network names none. */
export function resolverFiles(base: NetworkBase, objects: Iterable<NetworkObject>, hostNameservers: readonly string[]): ResolverFiles {
  const names = namesOf(base, objects)
  const { domain } = base.dns
  return {
    configuration: lines([...common, 'port=53', ...base.subnets.map(({ gateway }) => `listen-address=${gateway}`), 'domain-needed', `hostsdir=${resolverFolder}/hosts`, `servers-file=${resolverFolder}/servers`, `cache-size=${cachedAnswers}`, `dns-forward-max=${maxForwarded}`]),
    hosts: hostsFiles(names),
    servers: (ports) => serversFile(base, names, upstreamOf(base, hostNameservers), ports),
    helpers: {
      records: names.services.length + names.aliases.length === 0 ? null : (port) => recordsFile(domain, names, port),
      aliases: names.aliases.some(isOutside(domain)) ? () => lines(names.aliases.filter(isOutside(domain)).map(({ name, chain }) => [name, ...chain].join(' ')).sort()) : null,
    },
  }
}

/** Whether an alias ends at a name that this network's resolver does not know itself. */
const isOutside = (domain: string) => ({ chain }: Alias) => !`.${chain.at(-1) ?? ''}`.endsWith(`.${domain.toLowerCase()}`)

/** Whom the network's resolver asks for what it does not know itself; none where it must not ask. */
export function upstreamOf({ dns, outbound, subnets }: NetworkBase, hostNameservers: readonly string[]): string[] {
  if (!dns.upstream || outbound !== 'nat') return []
  const cidrs = subnets.map(({ cidr }) => parseSubnet(cidr))
  // IPv6 stays inside, and a resolver that asks itself would never end.
  const isOutside = (address: string) => isIp(address) && !address.includes(':') && !address.startsWith('127.') && !address.startsWith('0.') && !cidrs.some((cidr) => inSubnet(cidr, parseIp(address)))
  return (dns.nameservers.length > 0 ? dns.nameservers : hostNameservers).filter(isOutside).slice(0, 3)
}

function hostsFiles({ hosts }: Names): Map<string, string> {
  const files = new Map(Array.from({ length: buckets }, (_, i) => [bucketName(i), [] as string[]]))
  for (const [address, names] of hosts) files.get(bucketName(bucketOf(address)))?.push(`${address} ${names.join(' ')}`)
  return new Map([...files].map(([name, all]) => [name, lines(all.sort())]))
}

/** Any even spread will do: FNV-1a. */
function bucketOf(address: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < address.length; i += 1) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % buckets
}

const bucketName = (bucket: number) => `names-${String(bucket).padStart(2, '0')}`

/** A name below the network's domain, and an address of it, is never asked of anybody outside. */
function serversFile({ dns, subnets, serviceCidrs }: NetworkBase, { services, aliases }: Names, upstream: readonly string[], ports: HelperPorts): string {
  const own = [dns.domain.toLowerCase(), ...new Set([...subnets.map(({ cidr }) => cidr), ...serviceCidrs].map(reverseDomain))].filter(isName)
  const outside = isOutside(dns.domain)
  const behind = (domains: readonly string[], port: number | null) => (port === null ? [] : [...new Set(domains)].sort().map((domain) => `server=/${domain}/127.0.0.1#${port}`))
  return lines([...upstream.map((address) => `server=${address}`), ...own.map((domain) => `server=/${domain}/`), ...behind([...services.map(({ name }) => name.slice(name.indexOf('.') + 1)), ...aliases.filter((one) => !outside(one)).map(({ name }) => name)], ports.records), ...behind(aliases.filter(outside).map(({ name }) => name), ports.aliases)])
}

function recordsFile(domain: string, { services, aliases }: Names, port: number): string {
  return lines([
    ...common, `port=${port}`, 'listen-address=127.0.0.1', 'cache-size=0', `hostsdir=${resolverFolder}/hosts`, `local=/${domain.toLowerCase()}/`,
    ...services.map(recordLine).sort(),
    ...aliases.flatMap(({ name, chain: [target = ''] }: Alias) => `cname=${name},${target}`).sort(),
  ])
}

/** Equal weights: clients take any of them. */
const recordLine = ({ name, target, port }: ServiceRecord) => `srv-host=${name},${target},${port},0,100`
