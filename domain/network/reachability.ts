import { z } from 'zod'
import { isIp } from '../shared/ip'
import { dnsLabel, dnsSubdomain } from '../shared/names'

/** One end of a question: a pod, a service, an address, or the outside. */
export const reachabilityEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pod'), namespace: dnsLabel, name: dnsSubdomain }),
  z.object({ kind: z.literal('service'), namespace: dnsLabel, name: dnsLabel }),
  z.object({ kind: z.literal('address'), address: z.string().refine(isIp, 'must be an IP address') }),
])
export type ReachabilityEnd = z.infer<typeof reachabilityEnd>

/** `from` is a pod: it is from there that it may be tried. */
export const reachabilityQuestion = z.object({
  from: z.object({ namespace: dnsLabel, name: dnsSubdomain }),
  to: reachabilityEnd,
  protocol: z.enum(['tcp', 'udp', 'icmp']).default('tcp'),
  port: z.number().int().min(1).max(65535).nullable().default(null),
})
export type ReachabilityQuestion = z.infer<typeof reachabilityQuestion>

/** A step of the way, in order; the one that decides says so. `rule`: the object and the place in it, for a link. */
export const reachabilityStep = z.object({
  title: z.string(),
  detail: z.string(),
  passes: z.boolean(),
  rule: z.object({ kind: z.enum(['Network', 'SecurityGroup', 'NetworkPolicy', 'NetworkPeering', 'Service']), namespace: z.string().nullable(), name: z.string(), path: z.string() }).nullable(),
})
export type ReachabilityStep = z.infer<typeof reachabilityStep>
export const reachabilityAnswer = z.object({
  /** By the desired state. */
  reachable: z.boolean(),
  /** One sentence: yes or no, and which rule decides. */
  summary: z.string(),
  steps: z.array(reachabilityStep),
  /** Where a connection would end: of a service one of its endpoints. */
  targets: z.array(z.object({ address: z.string(), port: z.number().int().nullable(), reachable: z.boolean(), pod: z.object({ namespace: z.string(), name: z.string() }).nullable() })),
})
export type ReachabilityAnswer = z.infer<typeof reachabilityAnswer>

export const reachabilityProbe = z.object({ target: z.string(), outcome: z.enum(['open', 'refused', 'unreachable', 'silent', 'failed']), milliseconds: z.number(), detail: z.string(), /** Whether it is what the desired state says. */ agrees: z.boolean().nullable() })
export type ReachabilityProbe = z.infer<typeof reachabilityProbe>
