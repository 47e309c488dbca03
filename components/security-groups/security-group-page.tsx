'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { SecurityGroupDetail } from '@/domain/security-group/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { selectorText } from '@/components/network-policies/selector-words'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { DeleteSecurityGroup } from './delete-security-group'
import { MembersTable } from './members-table'
import { RulesTable } from './rules-table'
import { securityGroupActionsFor } from './security-group-actions'

/** One security group: its rules, its pods, and the groups whose rules name it. A link may point to a rule: `?rule=2`. */
export function SecurityGroupPage({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const group = useQuery(trpc.securityGroup.get.queryOptions({ tenant, name }))
  useRefreshOnPodEvents(tenant, trpc.securityGroup.get.queryKey({ tenant, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = group
  const actions = useMemo(() => (data ? securityGroupActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const pointed = useQueryString().get('rule')
  if (group.error && !data) return isMissing(group.error) ? <EmptyState title={`No security group “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={group.error} title={`Security group ${name} cannot be shown`} onRetry={() => void group.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} description={data.spec.description || undefined} status={<LiveBadge />} actions={actions} prominent={2} />
      <Panel title="Rules" description={formatCount(data.spec.rules.length, 'rule')} flush>
        <RulesTable tenant={tenant} rules={data.spec.rules} {...(/^\d+$/.test(pointed) && { at: Number(pointed) })} />
      </Panel>
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_380px]">
        <MembersTable tenant={tenant} members={data.members} empty="No pod is a member: none names it, and its selector fits none." />
        <Facts tenant={tenant} group={data} />
      </div>
      {deleting && <DeleteSecurityGroup tenant={tenant} name={name} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.securityGroups(tenant))} />}
    </div>
  )
}

function Facts({ tenant, group: { metadata, spec, usedBy } }: { tenant: string; group: SecurityGroupDetail }) {
  const out = spec.rules.some((rule) => rule.direction === 'egress')
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="Network"><TextLink href={paths.network(tenant, spec.network)} className="text-sm">{spec.network}</TextLink></Property>
        <Property name="Pods by labels">{selectorText(spec.podSelector)}</Property>
        {spec.namespaceSelector && <Property name="In namespaces">{selectorText(spec.namespaceSelector)}</Property>}
        <Property name="Coming in">{spec.rules.some((rule) => rule.direction === 'ingress') ? 'What a rule allows' : 'Nothing: it has no rule for it'}</Property>
        <Property name="Leaving">{out ? 'What a rule allows' : 'Everything'}</Property>
        <Property name="Named by">{usedBy.length > 0 && <span className="inline-flex flex-wrap gap-x-2">{usedBy.map((each) => <TextLink key={each} href={paths.securityGroup(tenant, each)} className="text-sm">{each}</TextLink>)}</span>}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
    </Panel>
  )
}
