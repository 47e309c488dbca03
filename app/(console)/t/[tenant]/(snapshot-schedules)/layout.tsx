import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ScheduleListPage } from '@/components/snapshot-schedules/schedule-list-page'
import { firstListInput } from '@/components/volumes/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.snapshotSchedules(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.snapshotSchedule.list.queryKey(input), data: await read((api) => api.snapshotSchedule.list(input)) }]}>
      <ScheduleListPage tenant={tenant.slug}>{children}</ScheduleListPage>
    </Prefetched>
  )
}
