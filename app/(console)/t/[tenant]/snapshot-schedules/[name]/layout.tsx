import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { SchedulePage } from '@/components/snapshot-schedules/schedule-page'
import { Prefetched } from '../../../../../prefetched'
import { read, requireTenant } from '../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

/** The page stays while its side form comes and goes. */
export default async function Layout({ children, params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant } = await requireTenant(slug, (decoded) => paths.snapshotSchedule(decoded, decodeURIComponent(name)))
  const input = { tenant: tenant.slug, name: decodeURIComponent(name) }
  return (
    <Prefetched answers={[{ key: (api) => api.snapshotSchedule.get.queryKey(input), data: await read((api) => api.snapshotSchedule.get(input)) }]}>
      <SchedulePage {...input}>{children}</SchedulePage>
    </Prefetched>
  )
}
