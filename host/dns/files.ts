import { createHash } from 'node:crypto'
import type { NetworkBase, NetworkObject } from '@/contracts/host/v1'
import { inSubnet, isIp, parseIp, parseSubnet } from '@/domain/shared/ip'
import { resolverFolder } from './jail'
import { isName, namesOf, reverseDomain, type Alias, type Names, type ServiceRecord } from './names'

/** A change of one address is a file of some hundred lines, whatever the network's size. */
const buckets = 64
/** Seconds that an answer may be kept: what runs comes and goes. As Kubernetes' own resolver has it. */
const ttl = 5
/** What a pod is told to go on with while the resolver is busy with as many questions of others. */
const [maxForwarded, cachedAnswers, maxConnections] = [150, 1_000, 20]

/** What a network's resolver reads. `records` is null where nothing needs a second process, which answers what dnsmasq reads at its start alone. */
export type ResolverFiles = {
  /** Of the process that the pods ask; another text needs another process. */
  readonly configuration: string
  /** Of the folder that it watches, by file name. */
  readonly hosts: ReadonlyMap<string, string>
  /** What it reads again when it is told to; `port`: of the process that has the records. */
  readonly servers: (port: number | null) => string
  readonly records: ((port: number) => string) | null
}

/** The ports at which the second process listens in turn, on the namespace's own loopback: one that is replaced keeps its own for a while. */
export const recordPorts = [1053, 1054, 1055, 1056] as const

const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('')
const common = ['no-hosts', 'no-resolv', 'no-poll', 'no-ident', 'bind-interfaces', `local-ttl=${ttl}`, 'edns-packet-max=1232', 'pid-file=', 'log-facility=/dev/null', `max-tcp-connections=${maxConnections}`]

/** All files of a network's resolver, from what the server says of the network. `hostNameservers` are asked where the network names none. */
export function resolverFiles(base: NetworkBase, objects: Iterable<NetworkObject>, hostNameservers: readonly string[]): ResolverFiles {
  const names = namesOf(base, objects)
  const { domain } = base.dns
  return {
    configuration: lines([...common, 'port=53', ...base.subnets.map(({ gateway }) => `listen-address=${gateway}`), 'domain-needed', `hostsdir=${resolverFolder}/hosts`, `servers-file=${resolverFolder}/servers`, `cache-size=${cachedAnswers}`, `dns-forward-max=${maxForwarded}`]),
    hosts: hostsFiles(names),
    servers: (port) => serversFile(base, names, upstreamOf(base, hostNameservers), port),
    records: names.services.length + names.aliases.length === 0 ? null : (port) => recordsFile(domain, names, port),
  }
}

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
  for (const [address, names] of hosts) files.get(bucketName(createHash('sha256').update(address).digest().readUInt8(0) % buckets))?.push(`${address} ${names.join(' ')}`)
  return new Map([...files].map(([name, all]) => [name, lines(all.sort())]))
}

const bucketName = (bucket: number) => `names-${String(bucket).padStart(2, '0')}`

/** A name below the network's domain, and an address of it, is never asked of anybody outside. */
function serversFile({ dns, subnets, serviceCidrs }: NetworkBase, { services, aliases }: Names, upstream: readonly string[], port: number | null): string {
  const own = [dns.domain.toLowerCase(), ...new Set([...subnets.map(({ cidr }) => cidr), ...serviceCidrs].map(reverseDomain))].filter(isName)
  const elsewhere = port === null ? [] : [...new Set([...services.map(({ name }) => name.slice(name.indexOf('.') + 1)), ...aliases.map(({ name }) => name)])].sort()
  return lines([...upstream.map((address) => `server=${address}`), ...own.map((domain) => `server=/${domain}/`), ...elsewhere.map((domain) => `server=/${domain}/127.0.0.1#${port}`)])
}

function recordsFile(domain: string, { services, aliases }: Names, port: number): string {
  return lines([
    ...common, `port=${port}`, 'listen-address=127.0.0.1', 'cache-size=0', `hostsdir=${resolverFolder}/hosts`, `local=/${domain.toLowerCase()}/`,
    ...services.map(recordLine).sort(),
    ...aliases.map(({ name, target }: Alias) => `cname=${name},${target}`).sort(),
  ])
}

/** Equal weights: clients take any of them. */
const recordLine = ({ name, target, port }: ServiceRecord) => `srv-host=${name},${target},${port},0,100`
