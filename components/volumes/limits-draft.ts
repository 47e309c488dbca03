import { z } from 'zod'
import { volumeLimits, type VolumeLimits } from '@/domain/volume/limits'
import { onFull as onFullSpec } from '@/domain/volume/spec'

/** Limits as a form has them: text as it is typed, empty text for no bound. */
export type LimitsDraft = { iops: string; iopsBurst: string; bytesPerSecond: string; bytesPerSecondBurst: string; burstSeconds: string }

export const limitNames = ['iops', 'iopsBurst', 'bytesPerSecond', 'bytesPerSecondBurst', 'burstSeconds'] as const
export type LimitName = (typeof limitNames)[number]
export const noLimits: LimitsDraft = { iops: '', iopsBurst: '', bytesPerSecond: '', bytesPerSecondBurst: '', burstSeconds: '' }

export const limitsDraftOf = (limits: VolumeLimits): LimitsDraft => ({ iops: limits.iops?.toString() ?? '', iopsBurst: limits.iopsBurst?.toString() ?? '', bytesPerSecond: limits.bytesPerSecond ?? '', bytesPerSecondBurst: limits.bytesPerSecondBurst ?? '', burstSeconds: limits.burstSeconds?.toString() ?? '' })

/** What is no number stays a text, which the spec refuses at its field. */
const numberOf = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : text === '' ? undefined : Number.NaN)

/** What is sent. */
export function limitsOf(draft: LimitsDraft): z.input<typeof volumeLimits> {
  const [iops, iopsBurst, burstSeconds] = [draft.iops, draft.iopsBurst, draft.burstSeconds].map((text) => numberOf(text.trim().replaceAll(',', '')))
  const [bytesPerSecond, bytesPerSecondBurst] = [draft.bytesPerSecond.trim(), draft.bytesPerSecondBurst.trim()]
  return { ...(iops !== undefined && { iops }), ...(iopsBurst !== undefined && { iopsBurst }), ...(bytesPerSecond && { bytesPerSecond }), ...(bytesPerSecondBurst && { bytesPerSecondBurst }), ...(burstSeconds !== undefined && { burstSeconds }) }
}

/** The form's field of a path as the server or the spec writes it: `spec.limits.iops` is `iops`. */
export const limitFieldOf = (path: string): string => path.replace(/^spec\.?/, '').replace(/^limits\.?/, '') || 'iops'

/** What is wrong with limits, at each field, and other fields by their labels. */
export function addLimitProblems(draft: LimitsDraft, problem: (path: string, message: string) => void): void {
  for (const { path, message } of volumeLimits.safeParse(limitsOf(draft)).error?.issues ?? []) problem(limitFieldOf(path.map(String).join('.')), message.replace(/\b(iops|bytesPerSecond)\b/g, (name) => (name === 'iops' ? '“Operations a second”' : '“Bytes a second”')))
}

/** Limits of a volume that is there, and what happens where its store is full; empty: as its class has it. */
export type LimitsForm = LimitsDraft & { onFull: OnFullChoice }
export const limitsFormSchema = z.custom<LimitsForm>().superRefine((draft, context) => addLimitProblems(draft, (path, message) => context.addIssue({ code: 'custom', path: [path], message })))

export type OnFullChoice = '' | z.infer<typeof onFullSpec>
/** Of a choice in a list. */
export const readOnFull = (text: string): OnFullChoice => onFullSpec.safeParse(text).data ?? ''
