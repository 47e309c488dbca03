import { createHash } from 'node:crypto'
import { networkSpec, serviceSubnets, subnetsOf, type NamedSubnet, type NetworkSpec } from '@/domain/network/spec'
import type { PodSpec } from '@/domain/pod/spec'
import { askedServiceAddresses, hasServiceAddresses, serviceFamilies } from '@/domain/service/families'
import type { ServiceSpec } from '@/domain/service/spec'
import { familyOf, hostRange, inRange, inSubnet, parseIp, parseSubnet, type Family } from '@/domain/shared/ip'
import { Prisma } from '@/generated/prisma/client'
import type { Transaction } from './database'
import { lowestFree as lowestFreeOf, rangesOf, type AddressRange } from './lowest-free'

/** Why an address is not given: `path` is the field of the spec that asked for it, `message` says what to do, and `again` when it is tried again for what waits. */
export type AddressRefusal = { reason: 'NoFreeAddress' | 'AddressTaken' | 'AddressNotInNetwork' | 'SubnetNotFound' | 'FamilyNotInNetwork'; path: (string | number)[]; message: string; again?: string }
export type HeldAddress = { address: string; mac: string }
type Network = { uid: string; name: string; spec: NetworkSpec }

/**
 * Holds a network's row until the transaction ends and reads it: whoever gives its addresses, or changes its subnets, does so one after
 * another, so that two do not find the same gap. The primary keys would refuse the second one anyway.
 */
async function holdNetwork(tx: Transaction, uid: string): Promise<Network> {
  const [row] = await tx.$queryRaw<{ name: string; spec: unknown }[]>`select "name", "spec" from "Network" where "uid" = ${uid}::uuid for no key update`
  if (!row) throw new TypeError(`network ${uid} is not there`)
  return { uid, name: row.name, spec: networkSpec.parse(row.spec) }
}

const tables = { pod: Prisma.sql`"NetworkAddress"`, service: Prisma.sql`"ServiceAddress"` }

const lowestFree = (tx: Transaction, table: Prisma.Sql, networkId: string, ranges: AddressRange[], kept: string[]): Promise<string | null> => lowestFreeOf(tx, { table, where: Prisma.sql`t."networkId" = ${networkId}::uuid` }, ranges, kept)

/**
 * Gives a pod its addresses, one a family that its network has, or says why not; then it holds none. A pod that holds addresses keeps
 * them. Network, broadcast and gateway addresses are never given.
 */
export async function allocateAddresses(tx: Transaction, networkId: string, pod: { uid: string; spec: Pick<PodSpec, 'network'> }): Promise<{ addresses: HeldAddress[] } | { refusal: AddressRefusal }> {
  const network = await holdNetwork(tx, networkId)
  const held = await tx.$queryRaw<HeldAddress[]>`select host("address") as address, "mac" from "NetworkAddress" where "podUid" = ${pod.uid}::uuid order by "address"`
  if (held.length > 0) return { addresses: held }
  const families = ([4, 6] as const).filter((family) => subnetsOf(network.spec, family).length > 0)
  if (!families.includes(4)) return { refusal: { reason: 'FamilyNotInNetwork', path: ['network'], message: `Network "${network.name}" has no IPv4 subnet, and pods with IPv6 alone are not carried out: add an IPv4 subnet to the network, or use another network.` } }
  const wanted: (string | AddressRefusal)[] = []
  for (const family of families) wanted.push(await podAddress(tx, network, pod.spec.network, family))
  const refusal = wanted.find((one) => typeof one !== 'string')
  if (refusal) return { refusal }
  const mac = macOf(pod.uid)
  const addresses = wanted.filter((one) => typeof one === 'string')
  const asked = new Set(pod.spec.network?.addresses)
  await tx.$executeRaw`
    insert into "NetworkAddress" ("networkId", "address", "podUid", "mac", "requested")
    select ${networkId}::uuid, a, ${pod.uid}::uuid, ${mac}, r from unnest(${addresses}::inet[], ${addresses.map((one) => asked.has(one))}::boolean[]) as t(a, r)`
  return { addresses: addresses.map((address) => ({ address, mac })) }
}

/** The address of one family for a pod: the one that it asks for, or the lowest free of the subnets that it may have. */
async function podAddress(tx: Transaction, network: Network, place: PodSpec['network'], family: Family): Promise<string | AddressRefusal> {
  const named = place?.subnet === undefined ? undefined : subnetsOf(network.spec).find((one) => one.name === place.subnet)
  if (place?.subnet !== undefined && !named) return { reason: 'SubnetNotFound', path: ['network', 'subnet'], message: `Network "${network.name}" has no subnet "${place.subnet}": add it to the network, or create the pod in another subnet.` }
  const subnets = named && familyOf(named.gateway) === family ? [named] : subnetsOf(network.spec, family)
  const index = place?.addresses.findIndex((address) => familyOf(address) === family) ?? -1
  const asked = place?.addresses[index]
  if (asked !== undefined) return askedPodAddress(tx, network, subnets, asked, ['network', 'addresses', index])
  for (const subnet of subnets) {
    const free = await lowestFree(tx, tables.pod, network.uid, rangesOf(subnet), [subnet.gateway])
    if (free) return free
  }
  const where = subnets.map(({ name, cidr }) => `"${name}" (${cidr})`).join(', ')
  return { reason: 'NoFreeAddress', path: ['network', 'subnet'], message: `Network "${network.name}" has no free address in ${subnets.length > 1 ? 'the subnets' : 'subnet'} ${where}: delete pods of it, or add a subnet or a larger range.`, again: 'It is tried again once one is free.' }
}

async function askedPodAddress(tx: Transaction, network: Network, subnets: NamedSubnet[], address: string, path: (string | number)[]): Promise<string | AddressRefusal> {
  const ip = parseIp(address)
  const subnet = subnets.find(({ cidr }) => inSubnet(parseSubnet(cidr), ip))
  if (!subnet || !inRange(hostRange(parseSubnet(subnet.cidr)), ip) || subnet.gateway === address) {
    const where = subnets.map(({ cidr, gateway }) => `${cidr} without ${gateway}`).join(', ')
    return { reason: 'AddressNotInNetwork', path, message: `${address} is no address that a pod of network "${network.name}" may have: ask for one of ${where}, or for none.` }
  }
  const [holder] = await tx.$queryRaw<{ namespace: string; name: string; pod: boolean }[]>`
    select coalesce(p."namespace", b."namespace") as "namespace", coalesce(p."name", b."name") as "name", p."uid" is not null as "pod"
    from "NetworkAddress" a left join "Pod" p on p."uid" = a."podUid" left join "LoadBalancer" b on b."uid" = a."loadBalancerUid" where a."networkId" = ${network.uid}::uuid and a."address" = ${address}::inet`
  if (!holder) return address
  const who = `${holder.pod ? 'pod' : 'the load balancer of'} "${holder.name}" in namespace "${holder.namespace}"`
  return { reason: 'AddressTaken', path, message: `${address} of network "${network.name}" is held by ${who}: delete that ${holder.pod ? 'pod' : 'one'}, or ask for another address.`, again: 'It is tried again once the address is free.' }
}

/**
 * Gives a load balancer its addresses in the network of its pods, one a family that the network has, the lowest that are free, or says why not; then it holds none.
 * What it holds it keeps.
 */
export async function allocateBalancerAddresses(tx: Transaction, networkId: string, loadBalancerUid: string): Promise<{ addresses: HeldAddress[] } | { refusal: AddressRefusal }> {
  const network = await holdNetwork(tx, networkId)
  const held = await tx.$queryRaw<HeldAddress[]>`select host("address") as address, "mac" from "NetworkAddress" where "loadBalancerUid" = ${loadBalancerUid}::uuid order by "address"`
  if (held.length > 0) return { addresses: held }
  if (subnetsOf(network.spec, 4).length === 0) return { refusal: { reason: 'FamilyNotInNetwork', path: [], message: `Network "${network.name}" has no IPv4 subnet, and load balancers in networks of IPv6 alone are not carried out: add an IPv4 subnet to the network.` } }
  const addresses: string[] = []
  for (const family of ([4, 6] as const).filter((one) => subnetsOf(network.spec, one).length > 0)) {
    const found = await podAddress(tx, network, undefined, family)
    if (typeof found !== 'string') return { refusal: { ...found, path: [], message: found.message.replace(/: delete pods of it/, ' for a load balancer: delete pods of it') } }
    addresses.push(found)
  }
  const mac = macOf(loadBalancerUid)
  await tx.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "loadBalancerUid", "mac") select ${networkId}::uuid, a, ${loadBalancerUid}::uuid, ${mac} from unnest(${addresses}::inet[]) a`
  return { addresses: addresses.map((address) => ({ address, mac })) }
}

/**
 * Makes a service hold the addresses that its spec asks for, one a family, and returns them in the order of its families; none where it
 * is headless or a name for something else. What it holds and may keep stays. Refused, it holds what it held before.
 */
export async function allocateServiceAddresses(tx: Transaction, service: { uid: string; networkId: string; spec: ServiceSpec }): Promise<{ addresses: string[] } | { refusal: AddressRefusal }> {
  const { spec } = service
  const network = await holdNetwork(tx, service.networkId)
  const held = (await tx.$queryRaw<{ address: string }[]>`select host("address") as address from "ServiceAddress" where "serviceUid" = ${service.uid}::uuid`).map((row) => row.address)
  const { families, missing } = hasServiceAddresses(spec) ? serviceFamilies(spec, network.spec) : { families: [], missing: [] }
  if (missing[0]) return { refusal: { reason: 'FamilyNotInNetwork', path: spec.ipFamilies ? ['ipFamilies'] : spec.ipFamilyPolicy ? ['ipFamilyPolicy'] : ['clusterIP'], message: `Network "${network.name}" has no IPv${missing[0]} addresses for services: add an IPv${missing[0]} subnet to it, or ask for another family.` } }
  const addresses: string[] = []
  for (const family of families) {
    const found = await serviceAddress(tx, network, spec, family, held)
    if (typeof found !== 'string') return { refusal: found }
    addresses.push(found)
  }
  await tx.$executeRaw`delete from "ServiceAddress" where "serviceUid" = ${service.uid}::uuid and "address" <> all(${addresses}::inet[])`
  await tx.$executeRaw`
    insert into "ServiceAddress" ("networkId", "address", "serviceUid") select ${network.uid}::uuid, a, ${service.uid}::uuid from unnest(${addresses.filter((one) => !held.includes(one))}::inet[]) a`
  return { addresses }
}

/** Gives back what a service holds. A service that is deleted needs it not: its addresses go with it. */
export const releaseServiceAddresses = async (tx: Transaction, serviceUid: string): Promise<void> => void (await tx.serviceAddress.deleteMany({ where: { serviceUid } }))

async function serviceAddress(tx: Transaction, network: Network, spec: ServiceSpec, family: Family, held: string[]): Promise<string | AddressRefusal> {
  const cidr = serviceSubnets(network.spec).find((text) => familyOf(text) === family) ?? ''
  const range = hostRange(parseSubnet(cidr))
  const asked = askedServiceAddresses(spec).find((address) => familyOf(address) === family)
  const path = spec.clusterIP === asked ? ['clusterIP'] : ['clusterIPs', spec.clusterIPs?.indexOf(asked ?? '') ?? 0]
  if (asked !== undefined) {
    if (!inRange(range, parseIp(asked))) return { reason: 'AddressNotInNetwork', path, message: `${asked} is no address for services of network "${network.name}": ask for one of ${cidr}, or for none.` }
    const [holder] = await tx.$queryRaw<{ uid: string; namespace: string; name: string }[]>`
      select s."uid", s."namespace", s."name" from "ServiceAddress" a join "Service" s on s."uid" = a."serviceUid" where a."networkId" = ${network.uid}::uuid and a."address" = ${asked}::inet`
    if (!holder || held.includes(asked)) return asked
    return { reason: 'AddressTaken', path, message: `${asked} of network "${network.name}" is held by service "${holder.name}" in namespace "${holder.namespace}": delete that service, or ask for another address.` }
  }
  const kept = held.find((address) => inRange(range, parseIp(address)))
  const free = kept ?? (await lowestFree(tx, tables.service, network.uid, rangesOf({ cidr }), []))
  return free ?? { reason: 'NoFreeAddress', path: ['clusterIP'], message: `Network "${network.name}" has no free address for services in ${cidr}: delete services of it, or give the network larger serviceCIDRs.` }
}

/** A locally administered unicast MAC (IEEE 802, second bit of the first octet) from the pod's uid. */
function macOf(podUid: string): string {
  const digest = createHash('sha256').update(podUid).digest()
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
