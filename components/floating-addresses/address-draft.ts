import { z } from 'zod'
import { floatingAddressSpec, type FloatingTarget } from '@/domain/floating-address/spec'
import { dnsLabel } from '@/domain/shared/names'
import { readTarget } from './words'

export type TargetChoice = { /** What is asked for next: a pod, what has a balancer, or nothing. */ what: 'none' | 'pod' | 'balancer'; /** `namespace/name` of a pod, `kind/namespace/name` of what has a balancer. */ pod: string; balancer: string }
/** A new address as its form has it. Empty text says nothing. */
export type AddressDraft = TargetChoice & { name: string; pool: string; family: 'IPv4' | 'IPv6'; address: string }

/** The choice that names what an address leads to now. */
export const choiceOf = (target: FloatingTarget | null | undefined): TargetChoice => ({
  what: !target ? 'none' : target.kind === 'Pod' ? 'pod' : 'balancer',
  pod: target?.kind === 'Pod' ? `${target.namespace}/${target.name}` : '',
  balancer: target && target.kind !== 'Pod' ? `${target.kind}/${target.namespace}/${target.name}` : '',
})

export const newAddressDraft = (target: FloatingTarget | null): AddressDraft => ({ name: target?.name ?? '', pool: '', family: 'IPv4', address: '', ...choiceOf(target) })

/** A pod that is typed without a namespace is one of "default". */
export function targetOf({ what, pod, balancer }: TargetChoice): FloatingTarget | null {
  if (what === 'none') return null
  if (what === 'balancer') return readTarget(balancer.trim())
  const text = pod.trim()
  return readTarget(`Pod/${text.includes('/') ? text : `default/${text}`}`)
}

/** What is wrong with a choice, at its field; nothing where it is right. */
export function choiceProblem(choice: TargetChoice): { path: 'pod' | 'balancer'; message: string } | null {
  if (choice.what === 'none' || targetOf(choice)) return null
  return choice.what === 'pod' ? { path: 'pod', message: 'must be a pod as namespace/name: choose one' } : { path: 'balancer', message: 'choose one' }
}

/** What is sent. The pool decides the family; without one, the family decides the pool. */
export function specOf(draft: AddressDraft): z.input<typeof floatingAddressSpec> {
  const target = targetOf(draft)
  const address = draft.address.trim()
  return { ...(draft.pool && { pool: draft.pool }), ...(!address && { family: draft.family }), ...(address && { address }), ...(target && { target }) }
}

/** The form's field of a path as the server or the spec writes it. */
export const addressFieldOf = (path: string, { what }: TargetChoice): string => {
  const field = path.replace(/^spec\.?/, '')
  return field.startsWith('target') ? (what === 'balancer' ? 'balancer' : 'pod') : field
}

/** The same rules as the server's, a problem at each field that has one. */
export const addressDraftSchema = z.custom<AddressDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  const choice = choiceProblem(draft)
  if (choice) problem(choice.path, choice.message)
  for (const { path, message } of floatingAddressSpec.safeParse(specOf(draft)).error?.issues ?? []) problem(addressFieldOf(path.map(String).join('.'), draft), message)
})

export const targetSchema = z.custom<TargetChoice>().superRefine((choice, context) => {
  const problem = choiceProblem(choice)
  if (problem) context.addIssue({ code: 'custom', path: [problem.path], message: problem.message })
})
