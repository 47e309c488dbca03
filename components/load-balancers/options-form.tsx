'use client'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { z } from 'zod'
import { balancerAnnotationsOf } from '@/domain/load-balancer/annotations'
import { paths } from '@/components/client/paths'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { annotationFieldOf, balancerProblems, changedAnnotations } from './annotations-change'
import { useBalancer } from './balancer-frame'
import { allOptions, optionGroups, type BalancerOption } from './option-words'
import { SourceForm } from './source-form'
import { useWriteSource, type Source } from './use-source'

/** Changes options beside them; what is empty is as it is without a word. */
export function EditOptions() {
  const { at, balancer } = useBalancer()
  return (
    <SourceForm title={`Edit options of ${balancer.metadata.name}`} back={paths.loadBalancerOptions(...at)}>
      {(source) => <OptionsForm source={source} />}
    </SourceForm>
  )
}

function OptionsForm({ source: given }: { source: Source }) {
  const { at, balancer: { metadata } } = useBalancer()
  const { write, forget } = useWriteSource()
  const router = useRouter()
  const back = paths.loadBalancerOptions(...at)
  const [source] = useState(given)
  const [initial] = useState<Record<string, string>>(() => {
    const own = balancerAnnotationsOf(source.annotations)
    return Object.fromEntries(allOptions.map(({ key, choice }) => { const value = own[key] ?? ''; return [key, choice && !choice.some(([each]) => each === value) ? '' : value] }))
  })
  const shown = new Set(allOptions.map(({ key }) => key))
  const form = useForm({
    initial,
    schema: z.custom<Record<string, string>>().superRefine((draft, context) => {
      for (const { key, message } of balancerProblems(metadata.name, changedAnnotations(source.annotations, draft), source)) if (shown.has(key)) context.addIssue({ code: 'custom', path: [key], message })
    }),
    submit: (draft) => write({ before: source, annotations: changedAnnotations(source.annotations, draft) }),
    fieldOf: annotationFieldOf,
    onDone: () => { void forget(); router.push(back) },
  })
  return (
    <SideForm title={`Edit options of ${metadata.name}`} description="What is left empty is as it is by default." submit="Save options" back={back} form={form}>
      {optionGroups.map(({ title, options }) => (
        <fieldset key={title} className="flex min-w-0 flex-col gap-3 border-b border-stroke pb-4 last:border-0">
          <legend className="mb-2 text-sm font-semibold">{title}</legend>
          {options.map((option) => <OptionField key={option.key} option={option} value={form.values[option.key] ?? ''} error={form.errors[option.key]} onChange={(next) => form.set(option.key, next)} />)}
        </fieldset>
      ))}
    </SideForm>
  )
}

function OptionField({ option: { label, about, example, choice }, value, error, onChange }: { option: BalancerOption; value: string; error: string | undefined; onChange: (next: string) => void }) {
  return (
    <Field label={label} hint={about} error={error}>
      {(control) => choice
        ? <Select {...control} value={value} onChange={(event) => onChange(event.target.value)}>{choice.map(([each, word]) => <option key={each} value={each}>{word}</option>)}</Select>
        : <Input {...control} mono autoComplete="off" spellCheck={false} placeholder={example} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  )
}
