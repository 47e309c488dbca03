'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { NetworkPolicyDetail } from '@/domain/network-policy/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { MembersTable } from '@/components/security-groups/members-table'
import { Badge } from '@/components/ui/badge'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { DeleteNetworkPolicy } from './delete-network-policy'
import { networkPolicyActionsFor } from './network-policy-actions'
import { policyLines } from './policy-words'
import { selectorText } from './selector-words'

const ManifestPanel = lazy(() => import('./manifest-panel').then((module) => ({ default: module.ManifestPanel })))

/** One network policy: what it lets through, its pods, and its manifest. */
export function NetworkPolicyPage({ tenant, namespace, name }: { tenant: string; namespace: string; name: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const policy = useQuery(trpc.networkPolicy.get.queryOptions({ tenant, namespace, name }))
  useRefreshOnPodEvents(tenant, trpc.networkPolicy.get.queryKey({ tenant, namespace, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = policy
  const actions = useMemo(() => (data ? networkPolicyActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  if (policy.error && !data) return isMissing(policy.error) ? <EmptyState title={`No network policy “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={policy.error} title={`Network policy ${name} cannot be shown`} onRetry={() => void policy.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} status={<LiveBadge />} actions={actions} prominent={2} />
      <Lines policy={data} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_380px]">
        <div className="flex min-w-0 flex-col gap-4">
          <MembersTable tenant={tenant} members={data.members} empty="No pod of its namespace fits its selector." />
          <Suspense fallback={<Skeleton className="h-64" />}><ManifestPanel tenant={tenant} policy={data} /></Suspense>
        </div>
        <Facts tenant={tenant} policy={data} />
      </div>
      {deleting && <DeleteNetworkPolicy tenant={tenant} policy={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.networkPolicies(tenant))} />}
    </div>
  )
}

function Lines({ policy: { spec } }: { policy: NetworkPolicyDetail }) {
  const lines = policyLines(spec)
  return (
    <Panel title="What it lets through" description={formatCount(lines.length, 'rule')} flush>
      <SimpleTable
        label="Rules"
        heads={['Rule', 'Direction', 'Ports', 'From or to']}
        rows={lines.map(({ id, direction, ports, peers }) => ({ key: id, cells: [
          <code key="id" className="font-mono text-xs">{id}</code>, <Badge key="direction">{direction}</Badge>, <code key="ports" className="font-mono text-xs">{ports}</code>,
          peers.length === 0 ? 'Anywhere' : <ul key="peers" className="py-1">{peers.map((peer) => <li key={peer}>{peer}</li>)}</ul>,
        ] }))}
        empty={`It lets nothing ${spec.policyTypes.map((type) => (type === 'Ingress' ? 'in to' : 'out of')).join(' or ')} its pods.`}
      />
    </Panel>
  )
}

const allowed = (restricted: boolean, rules: number): string => (!restricted ? 'Not restricted by it' : rules > 0 ? 'What a rule allows' : 'Nothing: it has no rule for it')

function Facts({ tenant, policy: { metadata, spec, status } }: { tenant: string; policy: NetworkPolicyDetail }) {
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="Namespace">{metadata.namespace}</Property>
        <Property name="Network"><TextLink href={paths.network(tenant, status.network)} className="text-sm">{status.network}</TextLink></Property>
        <Property name="Pods by labels">{selectorText(spec.podSelector)}</Property>
        <Property name="Coming in">{allowed(spec.policyTypes.includes('Ingress'), spec.ingress.length)}</Property>
        <Property name="Leaving">{allowed(spec.policyTypes.includes('Egress'), spec.egress.length)}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
    </Panel>
  )
}
