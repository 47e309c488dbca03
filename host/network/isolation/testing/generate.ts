import fc from 'fast-check'
import type { NetworkPolicyObject, NetworkPolicyRule } from '@/contracts/host/v1/networks'
import { OUTSIDE } from '../../testing/lab'
import type { Attempt, TenantSide } from './oracle'
import { addressesOf, PORTS, policy, subnetsOf, v4, v6, type WorldPod } from './world'

/** All that is drawn below follows from it. Another one is tried with HYPERNETES_SEED; the page is of this one. */
export const USUAL_SEED = 20_261_125
export const SEED = Number(process.env.HYPERNETES_SEED ?? USUAL_SEED)

type Kind = Pick<NetworkPolicyRule, 'protocol' | 'ports' | 'icmpTypes'>
type Peer = NetworkPolicyRule['peer']
const listOf = (...numbers: number[][]) => numbers.map(([first = 0, last = first]) => ({ first, last }))

const ports = fc.oneof(
  fc.constant<Kind['ports']>(null),
  fc.constantFrom(...PORTS).map((port): Kind['ports'] => listOf([port])),
  fc.constantFrom<Kind['ports'][]>(listOf([80, 81]), listOf([1, 79], [400, 500]), listOf([1024, 65_535], [80])),
)
const kind = fc.oneof(
  fc.record({ protocol: fc.constantFrom<Kind['protocol'][]>('tcp', 'udp'), ports, icmpTypes: fc.constant<Kind['icmpTypes']>(null) }),
  fc.constantFrom<Kind['icmpTypes'][]>(null, [8], [13]).map((icmpTypes): Kind => ({ protocol: 'icmp', ports: null, icmpTypes })),
  fc.constantFrom<Kind['icmpTypes'][]>(null, [128], [1, 2]).map((icmpTypes): Kind => ({ protocol: 'icmpv6', ports: null, icmpTypes })),
  fc.constant<Kind>({ protocol: 'any', ports: null, icmpTypes: null }),
)
/** Of the subnets of pods some of which are left out again. */
const without = (cidr: string): string[] => (cidr.endsWith('.0/24') ? [cidr.replace('0/24', '4/31')] : cidr.endsWith('::/64') ? [cidr.replace('::/64', '::4/126')] : [])

const ruleOf = (directions: readonly ('ingress' | 'egress')[], around: readonly WorldPod[], subnets: readonly string[]) => fc.record({
  direction: fc.constantFrom(...directions),
  kind,
  peer: fc.oneof(
    fc.constant<Peer>({ cidrs: null, addresses: null }),
    fc.subarray([...around], { minLength: 1, maxLength: 4 }).map((pods): Peer => ({ cidrs: null, addresses: pods.flatMap(addressesOf) })),
    fc.constantFrom(...subnets).map((cidr): Peer => ({ cidrs: [{ cidr, except: without(cidr) }], addresses: null })),
    fc.constantFrom<string[][]>(['0.0.0.0/0', '::/0'], [`${OUTSIDE}/32`], ['10.0.0.0/7', 'fd00::/8']).map((cidrs): Peer => ({ cidrs: cidrs.map((cidr) => ({ cidr, except: [] })), addresses: null })),
  ),
}).map(({ direction, kind: traffic, peer }): Omit<NetworkPolicyRule, 'id'> => ({ direction, ...traffic, peer }))

const policyOf = (name: string, side: Omit<TenantSide, 'policies' | 'services'>, around: readonly WorldPod[], subnets: readonly string[]): fc.Arbitrary<NetworkPolicyObject> =>
  fc.constantFrom<('ingress' | 'egress')[]>(['ingress'], ['ingress', 'egress'], ['egress']).chain((directions) => fc.record({
    members: fc.subarray([...side.pods], { minLength: 1, maxLength: Math.min(3, side.pods.length) }),
    rules: fc.array(ruleOf(directions, around, subnets), { minLength: 1, maxLength: 4 }),
    source: fc.constantFrom<NetworkPolicyObject['source']>('SecurityGroup', 'NetworkPolicy'),
  }).map(({ members, rules, source }) => policy(name, members, rules.map((one, at) => ({ id: `rules[${at}]`, ...one })), { directions, source, namespace: source === 'NetworkPolicy' ? 'default' : null })))

/** Policies of a network, drawn. */
export function drawnPolicies(side: Omit<TenantSide, 'policies' | 'services'>, names: readonly string[], around: readonly WorldPod[]): NetworkPolicyObject[] {
  const subnets = [...new Set(around.flatMap(({ network }) => subnetsOf(network)))]
  return fc.sample(fc.tuple(...names.map((name) => policyOf(name, side, around, subnets))), { seed: SEED + side.network.number, numRuns: 1 })[0] ?? []
}

/** Attempts between pods that are drawn: from each network to addresses of all of them, of services and of the outside. */
export function drawnAttempts(sides: readonly TenantSide[], count: number): Attempt[] {
  const pods = sides.flatMap((side) => side.pods)
  // Mostly to where there is a way.
  const near = (from: WorldPod) => pods.filter((pod) => pod !== from && pod.network.tenant === from.network.tenant)
  const one = fc.constantFrom(...pods).chain((from) => fc.oneof({ arbitrary: fc.constantFrom(...near(from)), weight: 4 }, { arbitrary: fc.constantFrom(...pods.filter((pod) => pod !== from)), weight: 1 }).chain((to) => fc.constantFrom(
    ...PORTS.flatMap((number) => (['tcp', 'udp'] as const).flatMap((protocol) => addressesOf(to).map((address): Attempt => ({ from, address, protocol, number })))),
    ...Array.from({ length: 4 }, () => [{ from, address: v4(to), protocol: 'icmp', number: 8 }, { from, address: v4(to), protocol: 'icmp', number: 13 }, { from, address: v6(to), protocol: 'icmp', number: 128 }] satisfies Attempt[]).flat(),
    ...(['tcp', 'udp'] as const).flatMap((protocol): Attempt[] => [{ from, address: OUTSIDE, protocol, number: 443 }]),
    { from, address: OUTSIDE, protocol: 'icmp' as const, number: 8 },
  )))
  const seen = new Set<string>()
  return fc.sample(one, { seed: SEED, numRuns: count * 2 }).filter((attempt) => {
    const key = attemptKey(attempt)
    return !seen.has(key) && seen.add(key)
  }).slice(0, count)
}

export const attemptKey = ({ from, address, protocol, number }: Attempt): string => `${from.network.number} ${from.name} ${address} ${protocol} ${number}`
