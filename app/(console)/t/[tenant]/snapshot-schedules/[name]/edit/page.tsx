import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { EditSchedule } from '@/components/snapshot-schedules/schedule-form'
import { requireTenant } from '../../../../../../session'

type Props = { params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant } = await requireTenant(slug, (decoded) => paths.editSnapshotSchedule(decoded, decodeURIComponent(name)))
  return <EditSchedule tenant={tenant.slug} name={decodeURIComponent(name)} />
}
