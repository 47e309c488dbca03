'use client'
import { useQuery } from '@tanstack/react-query'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Coming } from '@/components/patterns/time'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { useVolume } from '@/components/volumes/volume-frame'
import { ScheduleState } from './schedule-state'
import { keepText, takes, whenText } from './words'

/** The schedules that take snapshots of the volume whose page is shown; nothing where there is none. */
export function VolumeSchedules() {
  const { tenant, volume } = useVolume()
  const trpc = useTRPC()
  const input = { tenant, limit: 500 } as const
  const { data } = useQuery(trpc.snapshotSchedule.list.queryOptions(input))
  useRefreshOnChanges('volumeSnapshot', { tenant }, trpc.snapshotSchedule.list.queryKey(input))
  const own = data?.items.filter(({ spec }) => takes(spec.volumes, volume)) ?? []
  if (own.length === 0) return null
  return (
    <Panel title="Schedules" flush>
      <SimpleTable
        label="Schedules that take snapshots of this volume"
        heads={['Schedule', 'State', 'When', 'Keeps', 'Next run']}
        rows={own.map((schedule) => ({ key: schedule.metadata.uid, cells: [<TextLink key="name" size="sm" href={paths.snapshotSchedule(tenant, schedule.metadata.name)}>{schedule.metadata.name}</TextLink>, <ScheduleState key="state" schedule={schedule} />, <span key="every" className="whitespace-nowrap">{whenText(schedule.spec)}</span>, <span key="keep" className="whitespace-nowrap">{keepText(schedule.spec.keep)}</span>, schedule.spec.suspended || schedule.status.nextAt === null ? NOTHING : <Coming key="next" time={schedule.status.nextAt} />] }))}
        empty={null}
      />
    </Panel>
  )
}
