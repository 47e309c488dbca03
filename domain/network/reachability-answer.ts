import type { ReachabilityAnswer, ReachabilityEnd, ReachabilityQuestion, ReachabilityStep } from './reachability'
import { ruleAdvice, ruleStep, trafficWords } from './reachability-rules'
import { followWay, type Surroundings, type Target, type Way } from './reachability-way'
import { podNamed, sourceTo, type World, type WorldPod } from './reachability-world'
import { decide, isOwn, type Traffic, type Verdict } from './rules'

/** More of a service's endpoints than so many are not looked at: with thousands of rules each takes milliseconds. */
const maxTargets = 100

type Judged = { target: Target; own: string; traffic: Traffic; egress: Verdict; ingress: Verdict; reachable: boolean }
const free: Verdict = { allowed: true, because: { kind: 'foreign' } }

/**
 * Whether a pod of `world` reaches the other end by the desired state, and what decides it. Null for an end that is named and not there.
 * Throws invalid_input where a port is missing.
 */
export function answerReachability(map: Surroundings, question: Omit<ReachabilityQuestion, 'to'> & { to: ReachabilityEnd }): ReachabilityAnswer | null {
  const pod = podNamed(map.world, question.from.namespace, question.from.name)
  if (!pod) return null
  const start = { title: `Pod ${pod.name}`, detail: pod.addresses.length > 0 ? `It has ${pod.addresses.join(' and ')} in network “${map.world.network.name}”.` : 'It has no address yet: it gets one when a host is found for it.', passes: pod.addresses.length > 0, rule: null }
  if (pod.addresses.length === 0) return { ...conclude([start], false, `pod “${pod.name}” reaches nothing`), certain: true, advice: `Look at what pod “${pod.name}” waits for.`, dial: null, targets: [] }
  const way = followWay(map, pod, question)
  if (!way) return null
  const judged = way.targets.slice(0, maxTargets).map((target) => judge(map.world, pod, target, question.protocol, way.local === true))
  return compose(start, pod, way, judged, question.protocol)
}

function judge(world: World, pod: WorldPod, target: Target, protocol: ReachabilityQuestion['protocol'], local: boolean): Judged {
  const own = sourceTo(world, pod, target.address) ?? ''
  const traffic: Traffic = { protocol, port: target.port }
  const egress = local ? free : decide(world.rules, 'egress', traffic, own, target.address)
  const ingress = local || !target.world ? free : decide(target.world.rules, 'ingress', traffic, target.address, own)
  return { target, own, traffic, egress, ingress, reachable: egress.allowed && ingress.allowed && !target.blocked }
}

function compose(start: Omit<ReachabilityStep, 'decides'>, pod: WorldPod, way: Way, judged: readonly Judged[], protocol: ReachabilityQuestion['protocol']): ReachabilityAnswer {
  const shared = { certain: way.certain, dial: way.dial, targets: judged.map(({ target, reachable }) => ({ address: target.address, port: target.port, reachable, pod: target.pod && { namespace: target.pod.namespace, name: target.pod.name } })) }
  const what = `pod “${pod.name}” ${judged.some((one) => one.reachable) ? 'reaches' : 'does not reach'} ${way.name}${protocol === 'icmp' || !way.dial?.port ? ` over ${protocol.toUpperCase()}` : ` on ${trafficWords({ protocol, port: way.dial.port })}`}`
  // Told by the first that is out of reach, or by the first of all.
  const shown = judged.find((one) => !one.reachable) ?? judged[0]
  if (!shown) return { ...shared, ...conclude([start, ...way.steps], false, what), advice: way.advice }
  const rules = [...(shown.target.blocked ? [shown.target.blocked.step] : []), ...(way.local ? [] : ruleSteps(pod, judged, shown))]
  const some = judged.filter((one) => one.reachable).length
  const partly = some > 0 && some < judged.length ? `, but only ${some} of its ${way.targets.length > judged.length ? 'first ' : ''}${judged.length} endpoints` : ''
  const advice = shown.target.blocked ? shown.target.blocked.advice : !shown.egress.allowed ? ruleAdvice('egress', shown.egress, shown.traffic, nameOf(shown.target)) : !shown.ingress.allowed ? ruleAdvice('ingress', shown.ingress, shown.traffic, shown.own) : null
  return { ...shared, ...conclude([start, ...way.steps, ...rules], some > 0, what + partly), advice }
}

const nameOf = ({ pod, address }: Target): string => (pod ? `pod “${pod.name}” (${address})` : address)

function ruleSteps(pod: WorldPod, judged: readonly Judged[], shown: Judged): Omit<ReachabilityStep, 'decides'>[] {
  const counted = (allowed: (one: Judged) => boolean) => {
    const passing = judged.filter(allowed).length
    return judged.length === 1 || passing === judged.length ? '' : `${judged.length - passing} of ${judged.length} endpoints are out of reach: `
  }
  const egress = ruleStep('egress', shown.egress, shown.traffic, `pod “${pod.name}”`, nameOf(shown.target), counted((one) => one.egress.allowed))
  const { target } = shown
  if (!target.world || !isOwn(target.world.rules, target.address)) return [egress]
  return [egress, ruleStep('ingress', shown.ingress, shown.traffic, target.pod ? `pod “${target.pod.name}”` : target.address, `pod “${pod.name}” (${shown.own})`, counted((one) => one.ingress.allowed))]
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Marks the step that decides: the first that does not pass, else the last that a rule of a group or policy makes, else the last. */
function conclude(steps: readonly Omit<ReachabilityStep, 'decides'>[], reachable: boolean, what: string): Pick<ReachabilityAnswer, 'reachable' | 'summary' | 'steps'> {
  const failing = steps.findIndex((step) => !step.passes)
  const ruled = steps.findLastIndex(({ rule }) => rule?.kind === 'SecurityGroup' || rule?.kind === 'NetworkPolicy')
  const at = failing >= 0 ? failing : ruled >= 0 ? ruled : steps.length - 1
  return { reachable, summary: `${reachable ? 'Yes' : 'No'}: ${what}. ${capital(steps[at]?.detail ?? '')}`, steps: steps.map((step, i) => ({ ...step, decides: i === at })) }
}
