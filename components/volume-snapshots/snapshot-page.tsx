'use client'
import { useQuery } from '@tanstack/react-query'
import { Copy } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatBytes, formatCount, formatMilliseconds } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { EventsList } from '@/components/patterns/events-list'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago, Exact } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { UsageCell } from '@/components/volumes/usage-bar'
import { VolumeState } from '@/components/volumes/volume-state'
import { isLessConsistent } from './consistency'
import { DeleteSnapshot } from './delete-snapshot'
import { RevertVolume } from './revert-volume'
import { snapshotActionsFor } from './snapshot-actions'
import { SnapshotGroup } from './snapshot-group'
import { SnapshotState } from './snapshot-state'
import { consistencyText } from './words'

/** One snapshot: of what it is, what it takes, and what was made of it. */
export function SnapshotPage({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const snapshot = useQuery(trpc.volumeSnapshot.get.queryOptions({ tenant, name }))
  useRefreshOnChanges('volumeSnapshot', { tenant }, trpc.volumeSnapshot.get.queryKey({ tenant, name }), trpc.volumeSnapshot.list.queryKey(), trpc.event.list.queryKey(eventsInput(tenant, name)))
  const { data } = snapshot
  const volume = useVolumeOf(tenant, data)
  const [asking, setAsking] = useState<'revert' | 'delete' | null>(null)
  const actions = useMemo(() => (data ? snapshotActionsFor(tenant, data, volume ?? null, { onRevert: () => setAsking('revert'), onDelete: () => setAsking('delete') }).filter(({ id }) => id !== 'open') : []), [tenant, data, volume])
  useOfferActions(name, actions)
  if (snapshot.error && (!data || isMissing(snapshot.error))) return isMissing(snapshot.error) ? <EmptyState title={`No snapshot “${name}”`} actions={<ButtonLink href={paths.volumeSnapshots(tenant)}>Show snapshots</ButtonLink>}>It was deleted, by somebody or by the schedule that had taken it, was given another name, or never existed.</EmptyState> : <QueryFailure error={snapshot.error} title={`Snapshot ${name} cannot be shown`} onRetry={() => void snapshot.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<SnapshotState snapshot={data} />} status={<LiveBadge />} actions={actions} prominent={1} />
      {data.status.phase === 'Failed' && <Callout tone="error" title="It could not be taken">{data.status.message || 'Delete it, and take another one.'}</Callout>}
      {['Asked', 'Taking', 'Deleting'].includes(data.status.phase) && data.status.message && <Callout tone="notice" title={data.status.phase === 'Deleting' ? 'It is not removed yet' : 'It is not taken yet'}>{data.status.message}</Callout>}
      {isLessConsistent(data) && <Callout tone="notice" title="It is not as consistent as it was asked to be">{data.status.message}</Callout>}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <SnapshotProperties tenant={tenant} snapshot={data} />
        <div className="flex min-w-0 flex-col gap-4">
          <MadeOfIt tenant={tenant} snapshot={data} />
          {data.status.group !== null && <SnapshotGroup tenant={tenant} name={name} group={data.status.group} />}
          <LatestEvents tenant={tenant} name={name} />
        </div>
      </div>
      {asking === 'revert' && volume && <RevertVolume tenant={tenant} volume={volume} snapshot={data} onClose={() => setAsking(null)} />}
      {asking === 'delete' && <DeleteSnapshot tenant={tenant} name={name} onClose={() => setAsking(null)} onDeleted={() => router.push(paths.volumeSnapshots(tenant))} />}
    </div>
  )
}

/** The volume of a snapshot as it is now. Where that was deleted, another one may have its name. */
function useVolumeOf(tenant: string, snapshot: VolumeSnapshotView | undefined) {
  const trpc = useTRPC()
  const of = snapshot?.status.volume
  const input = { tenant, name: of?.name ?? 'none' }
  const { data } = useQuery({ ...trpc.volume.get.queryOptions(input), enabled: Boolean(of), retry: false })
  useRefreshOnChanges('volume', { tenant }, trpc.volume.get.queryKey(input), trpc.volume.list.queryKey(madeOfInput(tenant, snapshot?.metadata.name ?? '')))
  return data?.metadata.uid === of?.uid ? data : undefined
}

function SnapshotProperties({ tenant, snapshot: { metadata, spec, status } }: { tenant: string; snapshot: VolumeSnapshotView }) {
  const how = consistencyText[status.consistency ?? spec.consistency]
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="State"><SnapshotState snapshot={{ status }} /></Property>
        <Property name="Volume">{status.volume ? <TextLink size="sm" href={paths.volumeTimeline(tenant, status.volume.name)}>{status.volume.name}</TextLink> : <span className="text-faint">is gone; new volumes can be made of this snapshot</span>}</Property>
        <Property name="Taken">{status.takenAt && <><Exact time={status.takenAt} /> <span className="text-faint">· <Ago time={status.takenAt} /></span></>}</Property>
        <Property name="Consistency">{how.label} <span className="text-faint">· {how.hint.toLowerCase()}</span></Property>
        <Property name="Stood still">{status.stallMs !== null && <>{formatMilliseconds(status.stallMs)} <span className="text-faint">whoever wrote to it</span></>}</Property>
        <Property name="Volume’s size">{formatBytes(status.sizeBytes)} <span className="text-faint">then; what is made of it has as much at least</span></Property>
        <Property name="Stored">{status.storedBytes !== null && <>{formatBytes(status.storedBytes)} <span className="text-faint">since the snapshot before it; it counts towards the quota</span></>}</Property>
        <Property name="Schedule">{status.schedule && <TextLink size="sm" href={paths.snapshotSchedule(tenant, status.schedule)}>{status.schedule}</TextLink>}</Property>
        <Property name="Labels">{Object.keys(metadata.labels).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(metadata.labels).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
      <p className="mt-3 text-xs text-faint">A volume’s manifest names it: <code className="font-mono">source: {'{'}kind: Snapshot, name: {metadata.name}{'}'}</code></p>
    </Panel>
  )
}

const madeOfInput = (tenant: string, name: string) => ({ tenant, madeOf: name, limit: 100 }) as const

/** The volumes that were made of it and are there. */
function MadeOfIt({ tenant, snapshot: { metadata: { name }, status } }: { tenant: string; snapshot: VolumeSnapshotView }) {
  const { data } = useQuery(useTRPC().volume.list.queryOptions(madeOfInput(tenant, name)))
  const more = (data?.total ?? 0) - (data?.items.length ?? 0)
  return (
    <Panel title="Volumes made of it" description={status.clones > 0 ? `${formatCount(status.clones, 'volume')} ${status.clones === 1 ? 'shares' : 'share'} its bytes` : undefined} flush>
      {!data ? <Skeleton className="m-4 h-12" /> : (
        <SimpleTable
          label="Volumes made of this snapshot"
          heads={['Volume', 'State', 'Used', 'Created']}
          rows={data.items.map((volume) => ({ key: volume.metadata.uid, cells: [<TextLink key="name" size="sm" href={paths.volume(tenant, volume.metadata.name)}>{volume.metadata.name}</TextLink>, <VolumeState key="state" volume={volume} />, <UsageCell key="use" volume={volume} />, <Ago key="created" time={volume.metadata.creationTimestamp} />] }))}
          empty={<span className="flex flex-col items-center gap-3"><span>None is.</span>{status.phase === 'Ready' && <ButtonLink href={paths.newVolume(tenant, { from: `Snapshot/${name}` })} icon={<Copy className="size-4" />}>Create volume from it</ButtonLink>}</span>}
        />
      )}
      {more > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">and {formatCount(more, 'more', 'more')}</p>}
    </Panel>
  )
}

const eventsInput = (tenant: string, name: string) => ({ tenant, kind: 'VolumeSnapshot', name, limit: 6 })

/** A snapshot that went well has none. */
function LatestEvents({ tenant, name }: { tenant: string; name: string }) {
  const { data } = useQuery(useTRPC().event.list.queryOptions(eventsInput(tenant, name)))
  if (!data || data.items.length === 0) return null
  return <Panel title="Latest events" flush><EventsList events={data.items} /></Panel>
}
