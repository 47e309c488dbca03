'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import { z } from 'zod'
import type { SecurityGroupDetail } from '@/domain/security-group/view'
import { isMissing } from '@/components/client/errors'
import { LeaveGuard } from '@/components/client/leave-guard'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { notify } from '@/components/ui/toast'
import { TextLink } from '@/components/ui/text-link'
import { labelsText } from '@/components/config-maps/labels-text'
import { MemberFields, podLabelsText, withPodLabels } from './member-fields'
import { draftOfRule, formPath, toRule, toRules, type RuleDraft } from './rule-draft'
import { RulePreview } from './rule-preview'
import { RuleRows } from './rule-rows'

/** Rows whose fields are wrong are marked; nothing is sent then. */
const editSchema = z.object({
  resourceVersion: z.string(),
  description: z.string(),
  podLabels: podLabelsText,
  rules: z.custom<RuleDraft[]>().superRefine((rules, context) => {
    for (const [i, draft] of rules.entries()) for (const { field, message } of toRule(draft).problems) context.addIssue({ code: 'custom', path: [i, field], message })
  }),
})

/** The rules of a group, to edit on a page of their own. */
export function RulesEditor({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const group = useQuery(trpc.securityGroup.get.queryOptions({ tenant, name }))
  if (group.error && !group.data) return isMissing(group.error) ? <EmptyState title={`No security group “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={group.error} title={`Security group ${name} cannot be shown`} onRetry={() => void group.refetch()} />
  return group.data ? <Editor tenant={tenant} group={group.data} /> : <Skeleton className="h-7 w-48" />
}

function Editor({ tenant, group }: { tenant: string; group: SecurityGroupDetail }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const { name } = group.metadata
  // The rules as they were when the editor opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [{ initial, spec }] = useState(() => ({ spec: group.spec, initial: { rules: group.spec.rules.map(draftOfRule), description: group.spec.description, podLabels: labelsText(group.spec.podSelector?.matchLabels ?? {}), resourceVersion: group.metadata.resourceVersion } }))
  const [saved, setSaved] = useState(false)
  const form = useForm({
    initial,
    schema: editSchema,
    submit: ({ rules, description, podLabels, resourceVersion }) => api.securityGroup.update.mutate({ tenant, name, spec: { ...withPodLabels(spec, podLabels), description, rules: toRules(rules) ?? [] }, resourceVersion }),
    fieldOf: formPath,
    onDone: () => {
      setSaved(true)
      void queries.invalidateQueries({ queryKey: trpc.securityGroup.pathKey() })
      void notify({ title: 'The rules are in force', detail: `Hosts apply those of ${name} to running pods and open connections at once.` })
      router.push(paths.securityGroup(tenant, name))
    },
  })
  const { values, set, errors, failure, pending, changed, onSubmit } = form
  const others = useQuery(trpc.securityGroup.list.queryOptions({ tenant, network: spec.network, limit: 500 }))
  const groups = (others.data?.items ?? []).map((each) => each.metadata.name).filter((each) => each !== name)
  const drafted = useMemo(() => {
    const rules = toRules(values.rules)
    return rules && { ...withPodLabels(spec, values.podLabels), rules }
  }, [values.rules, values.podLabels, spec])
  return (
    <form method="post" noValidate onSubmit={(event) => void onSubmit(event)} className="flex min-w-0 flex-col gap-4">
      <PageHeader title={`Rules of ${name}`} description="A rule allows; nothing denies. Answers to what is allowed always pass." />
      {failure && <FailureCallout failure={failure} title="The rules were not saved" />}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_340px]">
        <RuleRows rules={values.rules} groups={groups} errors={errors} onChange={(next) => set('rules', next)} />
        <div className="flex min-w-0 flex-col gap-4 xl:sticky xl:top-4">
          <RulePreview tenant={tenant} group={name} spec={drafted} />
          <Panel title="Members">
            <div className="flex flex-col gap-3">
              <MemberFields podLabels={values.podLabels} description={values.description} errors={errors} onPodLabels={(next) => set('podLabels', next)} onDescription={(next) => set('description', next)} />
              {(spec.namespaceSelector ?? spec.podSelector?.matchExpressions.length) ? <p className="text-xs text-faint">Its other selectors stay as they are; <TextLink href={paths.applyYaml(tenant, { from: `SecurityGroup/${name}` })} className="underline">edit them as YAML</TextLink>.</p> : null}
            </div>
          </Panel>
          <Panel>
            <p className="mb-3 text-xs text-faint">Saving takes effect at once, for running pods and for connections that are open.</p>
            <div className="flex flex-wrap gap-2">
              <Button variant="primary" type="submit" pending={pending} disabledReason={changed ? undefined : 'Nothing was changed.'}>Save rules</Button>
              <ButtonLink href={paths.securityGroup(tenant, name)}>Cancel</ButtonLink>
            </div>
          </Panel>
        </div>
      </div>
      <LeaveGuard changed={changed && !saved} what={`What you changed in the rules of ${name}`} />
    </form>
  )
}
