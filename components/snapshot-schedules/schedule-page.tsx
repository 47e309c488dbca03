'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import { crowdWords } from '@/domain/snapshot-schedule/together'
import { useOfferActions } from '@/components/client/actions'
import { isMissing, toFailure } from '@/components/client/errors'
import { formatCount, formatExact, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { Conditions } from '@/components/patterns/conditions'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago, Coming } from '@/components/patterns/time'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { DeleteSchedule } from './delete-schedule'
import { scheduleActionsFor } from './schedule-actions'
import { ScheduleState } from './schedule-state'
import { UnreadablePage } from './unreadable-page'
import { keepText, nothingMeant, sentence, volumesText, whenText } from './words'

/** One schedule: what it takes and keeps, its next runs, and what it would meet. `children` is the form that stands over it. */
export function SchedulePage({ tenant, name, children }: { tenant: string; name: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const schedule = useQuery(trpc.snapshotSchedule.get.queryOptions({ tenant, name }))
  useRefreshOnChanges('volumeSnapshot', { tenant }, trpc.snapshotSchedule.get.queryKey({ tenant, name }), trpc.snapshotSchedule.preview.queryKey())
  const [deleting, setDeleting] = useState(false)
  const { data } = schedule
  const actions = useMemo(() => (data ? scheduleActionsFor(tenant, data, () => setDeleting(true)).filter(({ id }) => id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  if (schedule.error && toFailure(schedule.error).code === 'failed_precondition') return <UnreadablePage tenant={tenant} name={name} message={toFailure(schedule.error).message} />
  if (schedule.error && (!data || isMissing(schedule.error))) return isMissing(schedule.error) ? <EmptyState title={`No schedule “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={schedule.error} title={`Schedule ${name} cannot be shown`} onRetry={() => void schedule.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<ScheduleState schedule={data} />} status={<LiveBadge />} actions={actions} prominent={1} />
      {data.status.lastMessage && <Callout tone="notice" title="Its last run">{data.status.lastMessage}</Callout>}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Volumes">{volumesText(data.spec.volumes)}</Property>
            <Property name="When">{whenText(data.spec)}</Property>
            <Property name="Keeps">{keepText(data.spec.keep)} <span className="text-faint">of each volume</span></Property>
            <Property name="Has taken"><TextLink size="sm" href={paths.volumeSnapshots(tenant, { schedule: name })}>{formatCount(data.status.snapshots, 'snapshot')}</TextLink></Property>
            <Property name="Last run"><Ago time={data.status.lastAt} /></Property>
            <Property name="Next run">{data.spec.suspended || data.status.nextAt === null ? NOTHING : <Coming time={data.status.nextAt} />}</Property>
            <Property name="Created"><Ago time={data.metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
          </Properties>
        </Panel>
        <NextRuns tenant={tenant} schedule={data} />
      </div>
      {data.status.conditions.length > 0 && <Panel title="Conditions" flush><Conditions conditions={data.status.conditions} /></Panel>}
      {deleting && <DeleteSchedule tenant={tenant} schedule={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.snapshotSchedules(tenant))} />}
      {children}
    </div>
  )
}

/** When it runs next, and of what, as the server says it. */
function NextRuns({ tenant, schedule: { metadata: { name }, spec } }: { tenant: string; schedule: SnapshotScheduleView }) {
  const { data } = useQuery(useTRPC().snapshotSchedule.preview.queryOptions({ tenant, name, spec }))
  if (spec.suspended) return <Panel title="Next runs"><p className="text-sm text-soft">None while it is suspended. What it has taken stays.</p></Panel>
  return (
    <Panel title="Next runs" description={data && `of ${formatCount(data.volumes.length, 'volume')} as it is now`}>
      {!data ? <Skeleton className="h-24" /> : (
        <>
          <ol className="flex flex-col gap-1 text-sm">{data.next.map((at) => <li key={at} className="flex flex-wrap gap-x-3"><span>{formatExact(at)}</span>{formatExact(at) !== formatExact(at, 'UTC') && <span className="text-faint">{formatExact(at, 'UTC')}</span>}</li>)}</ol>
          {data.volumes.length > 0 && <ul aria-label="Volumes that it takes" className="mt-3 flex flex-col gap-1 border-t border-stroke pt-3 text-sm"><li className="text-xs text-faint">Volumes that it takes</li>{data.volumes.map((volume) => <li key={volume.name} className="flex flex-wrap gap-x-3"><TextLink size="sm" href={paths.volumeTimeline(tenant, volume.name)}>{volume.name}</TextLink>{volume.problem && <span className="text-notice-content">{volume.problem}</span>}</li>)}</ul>}
          {data.volumes.length === 0 && data.missing.length === 0 && <p className="mt-2 text-xs text-notice-content">{nothingMeant(spec)}</p>}
          {data.missing.length > 0 && <p className="mt-2 text-xs text-notice-content">There is no volume {data.missing.join(', ')}: taken once there is one of that name.</p>}
          {data.crowded.map((crowd) => <p key={crowd.volume} className="mt-2 text-xs text-notice-content">{sentence(crowdWords(crowd))}</p>)}
          {data.dropped.length > 0 && <p className="mt-2 text-xs text-faint">The next run deletes {data.dropped.slice(0, 5).join(', ')}{data.dropped.length > 5 && ` and ${data.dropped.length - 5} more`}.</p>}
        </>
      )}
    </Panel>
  )
}
