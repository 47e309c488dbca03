'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { Conditions } from '@/components/patterns/conditions'
import { EventsList } from '@/components/patterns/events-list'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { claimActionsFor } from './claim-actions'
import { ClaimState, claimTrouble } from './claim-state'
import { DeleteClaim } from './delete-claim'
import { GrowClaim } from './grow-claim'

/** One claim: what it asks for, the volume that it has, and the pods that name it. */
export function ClaimPage({ tenant, namespace, name }: { tenant: string; namespace: string; name: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = { tenant, namespace, name }
  const eventsInput = { tenant, kind: 'PersistentVolumeClaim', namespace, name, limit: 6 }
  const claim = useQuery(trpc.volumeClaim.get.queryOptions(input))
  const events = useQuery(trpc.event.list.queryOptions(eventsInput))
  useRefreshOnChanges('volumeClaim', { tenant, namespace }, trpc.volumeClaim.get.queryKey(input), trpc.event.list.queryKey(eventsInput))
  const [deleting, setDeleting] = useState(false)
  const { data } = claim
  const volume = useVolumeOf(tenant, data?.status.volume ?? null)
  const actions = useMemo(() => (data ? claimActionsFor(tenant, data, () => setDeleting(true), volume).filter(({ id }) => id !== 'open') : []), [tenant, data, volume])
  useOfferActions(name, actions)
  if (claim.error && (!data || isMissing(claim.error))) return isMissing(claim.error) ? <EmptyState title={`No claim “${name}” in namespace “${namespace}”`} actions={<ButtonLink href={paths.volumeClaims(tenant)}>Show claims</ButtonLink>}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={claim.error} title={`Claim ${name} cannot be shown`} onRetry={() => void claim.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  const trouble = claimTrouble(data)
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<><ClaimState claim={data} /><Badge>{namespace}</Badge></>} status={<LiveBadge />} actions={actions} prominent={1} />
      {trouble && <Callout tone="notice" title={data.metadata.deletionTimestamp ? 'It is being deleted' : data.status.phase === 'Bound' ? 'It has not grown' : 'It has no volume yet'}>{trouble}</Callout>}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <ClaimProperties tenant={tenant} claim={data} />
          {data.status.conditions.length > 0 && <Panel title="Conditions" flush><Conditions conditions={data.status.conditions} /></Panel>}
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Pods tenant={tenant} claim={data} />
          <Panel title="Latest events" flush>{events.data && <EventsList events={events.data.items} />}</Panel>
        </div>
      </div>
      {query.get('grow') === '1' && <GrowClaim tenant={tenant} namespace={namespace} name={name} onClose={() => query.replace({ grow: null })} />}
      {deleting && <DeleteClaim tenant={tenant} claim={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.volumeClaims(tenant))} />}
    </div>
  )
}

/** The volume that a claim has, as it is now. */
function useVolumeOf(tenant: string, name: string | null) {
  const trpc = useTRPC()
  const input = { tenant, name: name ?? 'none' }
  const { data } = useQuery({ ...trpc.volume.get.queryOptions(input), enabled: name !== null, retry: false })
  useRefreshOnChanges('volume', { tenant }, trpc.volume.get.queryKey(input))
  return data
}

function ClaimProperties({ tenant, claim: { metadata, spec, status } }: { tenant: string; claim: VolumeClaimView }) {
  const { dataSource } = spec
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="State"><ClaimState claim={{ metadata, status }} /></Property>
        <Property name="Volume">{status.volume && <TextLink size="sm" href={paths.volume(tenant, status.volume)} className="min-w-0 wrap-anywhere">{status.volume}</TextLink>}</Property>
        <Property name="Asks for">{spec.resources.requests.storage}{status.capacityBytes !== null && <span className="text-faint"> · has {formatBytes(status.capacityBytes)}</span>}</Property>
        <Property name="Access">{spec.accessModes.join(', ')}</Property>
        <Property name="Content">{spec.volumeMode === 'Block' ? 'A block device' : 'A file system'}</Property>
        <Property name="Class">{status.storageClass ?? (spec.storageClassName === '' ? 'none: it takes a volume that is there' : spec.storageClassName ?? 'the usual one')}</Property>
        {dataSource && <Property name="Made of">{dataSource.kind === 'VolumeSnapshot' ? <>Snapshot <TextLink size="sm" href={paths.volumeSnapshot(tenant, dataSource.name)}>{dataSource.name}</TextLink></> : <>Claim <TextLink size="sm" href={paths.volumeClaim(tenant, metadata.namespace ?? 'default', dataSource.name)}>{dataSource.name}</TextLink></>}</Property>}
        <Property name="Labels">{Object.keys(metadata.labels).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(metadata.labels).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
      <p className="mt-3 text-xs text-faint">A pod’s manifest of this namespace names it: <code className="font-mono">persistentVolumeClaim: {'{'}claimName: {metadata.name}{'}'}</code></p>
    </Panel>
  )
}

/** The pods that name it. */
function Pods({ tenant, claim: { metadata: { namespace = 'default' }, status: { usedBy } } }: { tenant: string; claim: VolumeClaimView }) {
  return (
    <Panel title="Pods" description={usedBy.length > 0 ? 'which name it' : undefined} flush>
      <SimpleTable label="Pods that name this claim" heads={['Pod', 'Namespace']} rows={usedBy.map((pod) => ({ key: pod, cells: [<TextLink key="pod" size="sm" href={paths.pod(tenant, namespace, pod)}>{pod}</TextLink>, namespace] }))} empty="No pod names it." />
    </Panel>
  )
}
