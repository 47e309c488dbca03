import { formatPath } from '@/domain/manifest/source'
import { networkSpec, subnetsOf } from '@/domain/network/spec'
import type { PodSpec } from '@/domain/pod/spec'
import type { Problem } from '@/domain/shared/errors'
import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Transaction } from './database'

/** A network that a pod is about to lie in, as its row has it. */
export type PodNetwork = { uid: string; tenantId: string; name: string; spec: unknown }
type Place = NonNullable<PodSpec['network']>

const problem = (path: (string | number)[], message: string): Problem => ({ path: formatPath(['spec', 'network', ...path]), line: null, message })

/**
 * What of the place that a pod asks for in its network cannot be: a subnet, an address or a group that is not the network's. Whether
 * an address is free is seen when it is given. The groups that it names stay until the transaction ends.
 */
export async function placeProblems(tx: Transaction, network: PodNetwork, place: Place | undefined): Promise<Problem[]> {
  return place ? [...subnetProblems(network, place), ...(await groupProblems(tx, network, place.securityGroups))] : []
}

function subnetProblems({ name, spec }: PodNetwork, { subnet, addresses }: Place): Problem[] {
  const subnets = subnetsOf(networkSpec.parse(spec))
  const named = subnets.find((one) => one.name === subnet)
  if (subnet !== undefined && !named) return [problem(['subnet'], `network "${name}" has no subnet "${subnet}": it has ${subnets.map((one) => `"${one.name}"`).join(', ')}`)]
  return addresses.flatMap((address, i): Problem[] => {
    const ip = parseIp(address)
    const holder = subnets.find(({ cidr }) => inSubnet(parseSubnet(cidr), ip))
    if (!holder) return [problem(['addresses', i], `is in no subnet of network "${name}": ask for an address of ${subnets.map(({ cidr }) => cidr).join(', ')}`)]
    if (holder.gateway === address) return [problem(['addresses', i], `is the gateway of subnet "${holder.name}": ask for another address`)]
    const outside = named && holder !== named && parseSubnet(named.cidr).family === ip.family
    return outside ? [problem(['addresses', i], `is in subnet "${holder.name}", and the pod asks for subnet "${named.name}" (${named.cidr}): leave one of the two out`)] : []
  })
}

async function groupProblems(tx: Transaction, network: PodNetwork, names: readonly string[]): Promise<Problem[]> {
  if (names.length === 0) return []
  const rows = await tx.$queryRaw<{ name: string; networkId: string }[]>`select "name", "networkId" from "SecurityGroup" where "tenantId" = ${network.tenantId} and "name" = any(${[...names]}::text[]) order by "uid" for key share`
  const there = new Map(rows.map((row) => [row.name, row.networkId]))
  return names.flatMap((name, i) => {
    if (there.get(name) === network.uid) return []
    return [problem(['securityGroups', i], there.has(name) ? `the security group "${name}" is of another network than "${network.name}": name one of the same` : `the security group "${name}" does not exist: create it first`)]
  })
}
