import { z } from 'zod'
import { isIp } from '../shared/ip'
import { dnsLabel, dnsSubdomain } from '../shared/names'

/** One end of a question: a pod, a service, or an address, inside or outside. */
export const reachabilityEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pod'), namespace: dnsLabel, name: dnsSubdomain }),
  z.object({ kind: z.literal('service'), namespace: dnsLabel, name: dnsLabel }),
  z.object({ kind: z.literal('address'), address: z.string().max(45).refine(isIp, 'must be an IP address') }),
])
export type ReachabilityEnd = z.infer<typeof reachabilityEnd>

/** `from` is a pod: it is from there that it may be tried. `port`: of a service its own; without one where it has a single port. */
export const reachabilityQuestion = z.object({
  from: z.object({ namespace: dnsLabel, name: dnsSubdomain }),
  to: reachabilityEnd,
  protocol: z.enum(['tcp', 'udp', 'icmp']).default('tcp'),
  port: z.number().int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535').nullable().default(null),
})
export type ReachabilityQuestion = z.infer<typeof reachabilityQuestion>

/** An object and the place in it, for a link. */
export const decidingRule = z.object({ kind: z.enum(['Network', 'SecurityGroup', 'NetworkPolicy', 'NetworkPeering', 'Service']), namespace: z.string().nullable(), name: z.string(), path: z.string() })
export type DecidingRule = z.infer<typeof decidingRule>

/** A step of the way, in order; the one that decides says so. */
export const reachabilityStep = z.object({
  title: z.string(),
  detail: z.string(),
  passes: z.boolean(),
  decides: z.boolean(),
  rule: decidingRule.nullable(),
})
export type ReachabilityStep = z.infer<typeof reachabilityStep>
export const reachabilityAnswer = z.object({
  /** By the desired state; of a service, whether one of its endpoints is. */
  reachable: z.boolean(),
  /** False where the last word is not this tenant's: outside, or in another tenant's network. */
  certain: z.boolean(),
  /** One sentence: yes or no, and which rule decides. */
  summary: z.string(),
  /** What to do where it is not as it should be; null where it is reachable. */
  advice: z.string().nullable(),
  steps: z.array(reachabilityStep),
  /** Where a connection would be tried: the address and port that the pod dials; null where there is none. */
  dial: z.object({ address: z.string(), port: z.number().int().nullable() }).nullable(),
  /** Where a connection would end: of a service its endpoints, at most a hundred of them. */
  targets: z.array(z.object({ address: z.string(), port: z.number().int().nullable(), reachable: z.boolean(), pod: z.object({ namespace: z.string(), name: z.string() }).nullable() })),
})
export type ReachabilityAnswer = z.infer<typeof reachabilityAnswer>

export const probeOutcomes = ['open', 'refused', 'unreachable', 'silent', 'failed'] as const
export type ProbeOutcome = (typeof probeOutcomes)[number]
export const reachabilityProbe = z.object({ target: z.string(), outcome: z.enum(probeOutcomes), milliseconds: z.number(), detail: z.string(), /** Whether it is what the desired state says; null where neither can be said. */ agrees: z.boolean().nullable() })
export type ReachabilityProbe = z.infer<typeof reachabilityProbe>

/**
 * Whether what a try from the pod met is what the desired state says. Who refuses was reached: nothing listens there. Silence over UDP
 * says nothing, nor does it where the last word is another's; nor does a service some of whose endpoints are out of reach.
 */
export function agrees(answer: Pick<ReachabilityAnswer, 'reachable' | 'certain' | 'targets'>, protocol: ReachabilityQuestion['protocol'], outcome: ProbeOutcome): boolean | null {
  if (outcome === 'failed') return null
  const reached = outcome === 'open' || outcome === 'refused'
  if (!answer.reachable) return answer.targets.length === 0 && outcome === 'refused' ? true : !reached
  if (reached) return true
  if (outcome === 'silent' && protocol === 'udp') return null
  return answer.certain && answer.targets.every((target) => target.reachable) ? false : null
}
