import type { NetworkPolicyObject, NetworkService } from '@/contracts/host/v1/networks'
import { decide, type Because, type NetworkRules, type Traffic } from '@/domain/network/rules'
import { familyOf } from '@/domain/shared/ip'
import { OUTSIDE } from '../../testing/lab'
import { addressesOf, subnetsOf, v4, v6, type WorldNetwork, type WorldPod } from './world'

export type TenantSide = { network: WorldNetwork; pods: readonly WorldPod[]; policies: readonly NetworkPolicyObject[]; services: readonly NetworkService[] }
/** One attempt: `number` is a port, or the type of the message. */
export type Attempt = { from: WorldPod; address: string; protocol: 'tcp' | 'udp' | 'icmp'; number: number }
/** Who should answer, or nobody; `why` in words. */
export type Expected = { by: string | null; why: string }

const words = (direction: 'out' | 'in', because: Because): string => {
  if (because.kind === 'rule') return `${direction}: ${because.rule.id} of ${because.policy.name}`
  if (because.kind === 'noRule') return `${direction}: no rule of ${because.policies.map(({ name }) => name).join(', ')}`
  if (because.kind === 'default') return `${direction}: ${{ within: 'within the network and its peers', out: 'all', outside: 'from outside', floating: 'to a floating address' }[because.default]}`
  return `${direction}: ${because.kind === 'self' ? 'itself' : 'not judged'}`
}

/** What the desired state says of an attempt: where its address leads, and what the rules of both sides say (domain/network/rules.ts). */
export function expected(sides: readonly TenantSide[], { from, address, protocol, number }: Attempt): Expected {
  const own = sides.find(({ network }) => network === from.network)
  if (!own) throw new Error(`${from.name} is in no network`)
  const service = own.services.find(({ addresses }) => addresses.includes(address))
  const served = service?.ports.find((one) => one.protocol === protocol && one.port === number)?.endpoints.find((one) => familyOf(one.address) === familyOf(address))
  if (service && !served) return { by: null, why: `${service.name} does not serve it` }
  const target = served?.address ?? address
  const traffic: Traffic = protocol === 'icmp' ? { protocol, port: null, icmpType: number } : { protocol, port: served?.port ?? number }
  const out = decide(rulesOf(own, sides), 'egress', traffic, familyOf(target) === 4 ? v4(from) : v6(from), target)
  if (!out.allowed) return { by: null, why: words('out', out.because) }
  const near = [own, ...sides.filter((side) => isPeer(own.network, side.network))]
  const there = near.find(({ pods }) => pods.some((pod) => addressesOf(pod).includes(target)))
  const pod = there?.pods.find((one) => addressesOf(one).includes(target))
  if (!there || !pod) return target === OUTSIDE ? { by: 'outside', why: words('out', out.because) } : { by: null, why: 'nobody of the network or its peers has the address' }
  const into = decide(rulesOf(there, sides), 'ingress', traffic, target, familyOf(target) === 4 ? v4(from) : v6(from))
  const why = [words('out', out.because), words('in', into.because)].join('; ')
  return { by: into.allowed ? pod.name : null, why }
}

const isPeer = (a: WorldNetwork, b: WorldNetwork): boolean => (a.peers?.includes(b.number) ?? false) && (b.peers?.includes(a.number) ?? false)
const rulesOf = ({ network, policies }: TenantSide, sides: readonly TenantSide[]): NetworkRules =>
  ({ subnets: subnetsOf(network), routes: [], peerSubnets: sides.filter((side) => isPeer(network, side.network)).flatMap((side) => subnetsOf(side.network)), policies })
