'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { dnsLabel } from '@/domain/shared/names'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { crowdWords } from '@/domain/snapshot-schedule/together'
import { useNow } from '@/components/client/clock'
import { formatCount, formatExact, formatIn } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { Callout } from '@/components/ui/callout'
import { scheduleSpecOf, type ScheduleDraft } from './schedule-draft'
import { nothingMeant, sentence } from './words'

/** What a schedule would do, as the server says it while it is typed. `name`: what it is called, or will be. */
export function SchedulePreview({ tenant, name, draft }: { tenant: string; name?: string; draft: ScheduleDraft }) {
  const spec = snapshotScheduleSpec.safeParse(scheduleSpecOf(useDeferredValue(draft))).data
  const trpc = useTRPC()
  const { data } = useQuery({ ...trpc.snapshotSchedule.preview.queryOptions({ tenant, ...(dnsLabel.safeParse(name).success && { name }), spec: spec ?? snapshotScheduleSpec.parse({ volumes: { names: ['none'] }, every: '1d', keep: { last: 1 } }) }), enabled: spec !== undefined, placeholderData: keepPreviousData })
  if (!data || !spec) return <p role="status" className="min-h-20 text-xs text-faint">{spec ? '' : 'What it would do is said here once all is filled in.'}</p>
  const troubled = data.volumes.filter(({ problem }) => problem !== null)
  return (
    <div className="flex flex-col gap-3">
      <Callout tone="info" title={spec.suspended ? 'It takes none while it is suspended' : <NextRun at={data.next[0]} />}>
        <p role="status">{`Of ${formatCount(data.volumes.length, 'volume')} as it is now, at most ${formatCount(data.mostKept, 'snapshot')} of each.`}</p>
        {data.next.length > 1 && <p>{`Then ${data.next.slice(1, 3).map((at) => formatExact(at)).join(', ')}.`}</p>}
      </Callout>
      {data.volumes.length === 0 && data.missing.length === 0 && <Callout tone="notice" title="It means no volume now">{nothingMeant(spec)}</Callout>}
      {data.missing.length > 0 && <Callout tone="notice" title={`There is no volume ${data.missing.slice(0, 3).join(', ')}`}>It is taken once there is one of that name.</Callout>}
      {data.left && <Callout tone="notice" title="Its labels mean more volumes than it takes">A run takes those of the first {formatCount(data.volumes.length, 'volume')} by name: part them among several schedules.</Callout>}
      {troubled.length > 0 && <Callout tone="notice" title="Not of all of them could one be taken now"><ul className="flex list-disc flex-col gap-1 pl-4">{troubled.slice(0, 5).map((each) => <li key={each.name}>{each.name}: {each.problem}</li>)}</ul></Callout>}
      {data.crowded.length > 0 && <Callout tone="notice" title={data.crowded.length === 1 ? 'More is kept than its store does' : `Of ${formatCount(data.crowded.length, 'volume')} more is kept than their stores do`}>{data.crowded.slice(0, 3).map((crowd) => <p key={crowd.volume}>{sentence(crowdWords(crowd))}</p>)}</Callout>}
      {data.dropped.length > 0 && <Callout tone="notice" title={`Its next run deletes ${formatCount(data.dropped.length, 'snapshot')}`}>{data.dropped.slice(0, 5).join(', ')}{data.dropped.length > 5 && ' and more'}</Callout>}
    </div>
  )
}

/** In the reader's own time, as the server says it. An interval's times come of the schedule's name. */
function NextRun({ at }: { at: string | undefined }) {
  const now = useNow()
  if (at === undefined) return <>Its times are told once it has a name</>
  return <>{`Next ${formatExact(at)}${now === undefined ? '' : `, ${formatIn(at, now)}`}`}</>
}
