'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { formatCount, formatExact } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { Callout } from '@/components/ui/callout'
import { scheduleSpecOf, type ScheduleDraft } from './schedule-draft'
import { nothingMeant } from './words'

/** What a schedule would do, as the server says it while it is typed. `name`: of one that is there, whose snapshots are looked at too. */
export function SchedulePreview({ tenant, name, draft }: { tenant: string; name?: string; draft: ScheduleDraft }) {
  const spec = snapshotScheduleSpec.safeParse(scheduleSpecOf(useDeferredValue(draft))).data
  const trpc = useTRPC()
  const { data } = useQuery({ ...trpc.snapshotSchedule.preview.queryOptions({ tenant, ...(name !== undefined && { name }), spec: spec ?? snapshotScheduleSpec.parse({ volumes: { names: ['none'] }, every: '1d', keep: { last: 1 } }) }), enabled: spec !== undefined, placeholderData: keepPreviousData })
  if (!data || !spec) return <p role="status" className="min-h-20 text-xs text-faint">{spec ? '' : 'What it would do is said here once all is filled in.'}</p>
  const troubled = data.volumes.filter(({ problem }) => problem !== null)
  return (
    <div className="flex flex-col gap-3">
      <Callout tone="info" title={spec.suspended ? 'It takes none while it is suspended' : `Next ${data.next[0] ? formatExact(data.next[0]) : 'never'}`}>
        <p role="status">{`Of ${formatCount(data.volumes.length, 'volume')} as it is now, at most ${formatCount(data.mostKept, 'snapshot')} of each.`}</p>
      </Callout>
      {data.volumes.length === 0 && data.missing.length === 0 && <Callout tone="notice" title="It means no volume now">{nothingMeant(spec)}</Callout>}
      {data.missing.length > 0 && <Callout tone="notice" title={`There is no volume ${data.missing.slice(0, 3).join(', ')}`}>It is taken once there is one of that name.</Callout>}
      {data.left && <Callout tone="notice" title="Its labels mean more volumes than it takes">A run takes those of the first {formatCount(data.volumes.length, 'volume')} by name: part them among several schedules.</Callout>}
      {troubled.length > 0 && <Callout tone="notice" title="Not of all of them could one be taken now"><ul className="flex list-disc flex-col gap-1 pl-4">{troubled.slice(0, 5).map((each) => <li key={each.name}>{each.name}: {each.problem}</li>)}</ul></Callout>}
      {data.dropped.length > 0 && <Callout tone="notice" title={`Its next run deletes ${formatCount(data.dropped.length, 'snapshot')}`}>{data.dropped.slice(0, 5).join(', ')}{data.dropped.length > 5 && ' and more'}</Callout>}
    </div>
  )
}
