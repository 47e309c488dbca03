import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ScheduleForm } from '@/components/snapshot-schedules/schedule-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create schedule' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newSnapshotSchedule(slug))
  return <ScheduleForm tenant={tenant.slug} />
}
