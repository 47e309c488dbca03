import { z } from 'zod'
import { addressPoolSpec, type AddressPoolSpec } from '@/domain/address-pool/spec'
import { dnsLabel } from '@/domain/shared/names'

/** A pool as its form has it: text as it is typed. Empty text says nothing. */
export type PoolDraft = { name: string; cidr: string; gateway: string; /** A line each: first - last. */ ranges: string; default: boolean; resourceVersion: string }

export const newPoolDraft = (): PoolDraft => ({ name: '', cidr: '', gateway: '', ranges: '', default: false, resourceVersion: '' })

/** The form of a pool as it is. */
export const poolDraftOf = ({ name, resourceVersion }: { name: string; resourceVersion: string }, { subnet, default: isDefault }: AddressPoolSpec): PoolDraft =>
  ({ name, cidr: subnet.cidr, gateway: subnet.gateway, ranges: (subnet.allocationRanges ?? []).map(({ start, end }) => `${start} - ${end}`).join('\n'), default: isDefault, resourceVersion })

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean)

/** One address alone is a range of one. */
function rangeOf(line: string): { start: string; end: string } {
  const [start = '', end = start] = line.split(/\s*(?:-|–|\s)\s*/)
  return { start, end }
}

/** What is sent. */
export function poolSpecOf({ cidr, gateway, ranges, ...draft }: PoolDraft): z.input<typeof addressPoolSpec> {
  const allocationRanges = lines(ranges).map(rangeOf)
  return { subnet: { cidr: cidr.trim(), ...(gateway.trim() && { gateway: gateway.trim() }), ...(allocationRanges.length > 0 && { allocationRanges }) }, default: draft.default }
}

/** The form's field of a path as the server or the spec writes it: `spec.subnet.allocationRanges[0].start` is `ranges`. */
export function poolFieldOf(path: string): string {
  const field = path.replace(/^spec\.?/, '').replace(/^subnet\.?/, '')
  return field.startsWith('allocationRanges') ? 'ranges' : field || 'cidr'
}

/** Of a range it is said which: the field has them all. */
function said(path: readonly PropertyKey[], message: string): string {
  const at = path.indexOf('allocationRanges')
  return at >= 0 && typeof path[at + 1] === 'number' ? `line ${Number(path[at + 1]) + 1}: ${message}` : message
}

/** The same rules as the server's, a problem at each field that has one. */
export const poolDraftSchema = z.custom<PoolDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  for (const { path, message } of addressPoolSpec.safeParse(poolSpecOf(draft)).error?.issues ?? []) problem(poolFieldOf(path.map(String).join('.')), said(path, message))
})
