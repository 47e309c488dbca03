import { formatPath } from '@/domain/manifest/source'
import { networkSpec, subnetsOf } from '@/domain/network/spec'
import type { PodSpec } from '@/domain/pod/spec'
import { DomainError, type Problem } from '@/domain/shared/errors'
import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Scope } from '@/server/auth/scope'
import { allocateAddresses } from '@/server/store/addresses'
import type { Transaction } from '@/server/store/database'
import type { NetworkRow } from '@/server/store/networks'
import { holdSecurityGroups } from '@/server/store/security-groups'

const problem = (path: (string | number)[], message: string): Problem => ({ path: formatPath(['spec', 'network', ...path]), line: null, message })

/**
 * Refuses a place in its network that a new pod cannot have, and gives it the addresses that it asks for at once: two pods that ask
 * for one are told apart here, and not when they start. The groups that it names stay until the transaction ends.
 */
export async function placeInNetwork(tx: Transaction, scope: Scope, network: NetworkRow, pod: { uid: string; spec: PodSpec }): Promise<void> {
  const place = pod.spec.network
  if (!place) return
  const problems = [...subnetProblems(network, place), ...(await groupProblems(tx, scope, network, place.securityGroups))]
  if (problems.length === 0 && place.addresses.length > 0) {
    const given = await allocateAddresses(tx, network.uid, pod)
    if ('refusal' in given) problems.push({ path: formatPath(['spec', ...given.refusal.path]), line: null, message: given.refusal.reason === 'AddressTaken' ? 'is the address of another pod of the network: delete that one first, or ask for another address' : given.refusal.message })
  }
  if (problems.length > 0) throw new DomainError('failed_precondition', problems.map(({ path, message }) => `${path}: ${message}`).join('\n'), { problems })
}

type Place = NonNullable<PodSpec['network']>

function subnetProblems({ name, spec }: NetworkRow, { subnet, addresses }: Place): Problem[] {
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

async function groupProblems(tx: Transaction, scope: Scope, network: NetworkRow, names: readonly string[]): Promise<Problem[]> {
  if (names.length === 0) return []
  const there = new Map((await holdSecurityGroups(tx, scope, names)).map((row) => [row.name, row.networkId]))
  return names.flatMap((name, i) => {
    if (there.get(name) === network.uid) return []
    return [problem(['securityGroups', i], there.has(name) ? `the security group "${name}" is of another network than "${network.name}": name one of the same` : `the security group "${name}" does not exist: create it first`)]
  })
}
