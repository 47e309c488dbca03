import type { DecidingRule, ReachabilityStep } from './reachability'
import type { Policy, RuleDirection, Traffic, Verdict } from './rules'

const noun = { SecurityGroup: 'security group', NetworkPolicy: 'network policy' } as const

export const trafficWords = ({ protocol, port }: Traffic): string => (port === null ? protocol.toUpperCase() : `${protocol.toUpperCase()} ${port}`)

export const policyWords = ({ source, name }: Pick<Policy, 'source' | 'name'>): string => `${noun[source]} “${name}”`
const listed = (words: readonly string[]): string => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`)
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
/** At most three are named. */
const policiesWords = (policies: readonly Policy[]): string => listed(policies.length > 3 ? [...policies.slice(0, 3).map(policyWords), `${policies.length - 3} others`] : policies.map(policyWords))

export const linkOf = ({ source, namespace, name }: Policy, path: string): DecidingRule => ({ kind: source, namespace, name, path })

/** What a rule, the lack of one or the default says, as a step. `pod` and `other` are how people know both sides. `count` where there are several: "2 of 3 endpoints: ". */
export function ruleStep(direction: RuleDirection, { allowed, because }: Verdict, traffic: Traffic, pod: string, other: string, count = ''): Omit<ReachabilityStep, 'decides'> {
  const [way, towards] = direction === 'ingress' ? ['in', `from ${other}`] : ['out', `to ${other}`]
  const title = direction === 'ingress' ? `What may come in to ${pod}` : `What may leave ${pod}`
  const step = (detail: string, rule: DecidingRule | null = null) => ({ title, detail: count + (count ? detail : capital(detail)), passes: allowed, rule })
  if (because.kind === 'rule') return step(`Rule ${because.rule.id} of ${policyWords(because.policy)} lets ${trafficWords(traffic)} ${way} ${towards}.`, linkOf(because.policy, `spec.${because.rule.id}`))
  if (because.kind === 'noRule') {
    const [first, ...others] = because.policies
    return step(`${pod} is a member of ${policiesWords(because.policies)}, and no rule of ${others.length === 0 ? 'it' : 'theirs'} lets ${trafficWords(traffic)} ${way} ${towards}.`, first ? linkOf(first, 'spec') : null)
  }
  if (because.kind === 'self') return step('A pod always reaches itself.')
  if (because.kind === 'foreign') return step(`${pod} is not a pod of this network: its rules do not judge it.`)
  if (because.default === 'out') return step(`No group or policy says what may leave ${pod}: everything may.`)
  if (because.default === 'floating') return step(`No group or policy says what may come in to ${pod}: its floating address is open to everybody.`)
  if (because.default === 'within') return step(`No group or policy says what may come in to ${pod}: everything of its network and of its peers may.`)
  return step(`No group or policy lets anything in to ${pod}, and ${other} is neither of its network nor of a peer.`)
}

/** What to do about a direction that lets nothing through. */
export function ruleAdvice(direction: RuleDirection, { because }: Verdict, traffic: Traffic, other: string): string {
  const policy = because.kind === 'noRule' ? because.policies[0] : undefined
  const towards = direction === 'ingress' ? `from ${other}` : `to ${other}`
  if (!policy) return `Put the pod into a security group with an ${direction} rule for ${trafficWords(traffic)} ${towards}.`
  return `Add an ${direction} rule for ${trafficWords(traffic)} ${towards} to ${policyWords(policy)}, or take the pod out of it.`
}
