'use client'
import { z } from 'zod'
import type { SecurityGroupSpec } from '@/domain/security-group/spec'
import { labels } from '@/domain/shared/names'
import { readLabels } from '@/components/config-maps/labels-text'
import { Field } from '@/components/ui/field'
import { Input, Textarea } from '@/components/ui/input'

/** Labels as lines of text, or what is wrong with them. */
export const podLabelsText = z.string().superRefine((text, context) => {
  const issue = labels.safeParse(readLabels(text)).error?.issues[0]
  if (issue) context.addIssue({ code: 'custom', path: [], message: issue.message })
})

/** A group's spec whose pods are those with these labels; without labels and other selectors those that name it alone. */
export function withPodLabels({ podSelector, ...spec }: SecurityGroupSpec, text: string): SecurityGroupSpec {
  const matchLabels = readLabels(text)
  const matchExpressions = podSelector?.matchExpressions ?? []
  const selects = Object.keys(matchLabels).length > 0 || matchExpressions.length > 0
  return { ...spec, ...(selects && { podSelector: { matchLabels, matchExpressions } }) }
}

type MemberFieldsProps = { podLabels: string; description: string; errors: Record<string, string>; onPodLabels: (next: string) => void; onDescription: (next: string) => void }

/** Whom a group is for. */
export function MemberFields({ podLabels, description, errors, onPodLabels, onDescription }: MemberFieldsProps) {
  return (
    <>
      <Field label="Pods with labels" optional hint="A line each: key=value. Pods that name the group in their spec are members too." error={errors['podLabels'] ?? errors['podSelector']}>
        {(control) => <Textarea {...control} mono rows={2} value={podLabels} placeholder="app=web" spellCheck={false} onChange={(event) => onPodLabels(event.target.value)} />}
      </Field>
      <Field label="Description" optional error={errors['description']}>
        {(control) => <Input {...control} value={description} autoComplete="off" onChange={(event) => onDescription(event.target.value)} />}
      </Field>
    </>
  )
}
