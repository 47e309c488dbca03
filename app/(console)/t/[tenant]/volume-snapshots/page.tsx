import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { SnapshotListPage } from '@/components/volume-snapshots/snapshot-list-page'
import { firstListInput } from '@/components/volumes/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Snapshots' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.volumeSnapshots(slug))
  const input = firstListInput(tenant.slug)
  return <Prefetched answers={[{ key: (api) => api.volumeSnapshot.list.queryKey(input), data: await read((api) => api.volumeSnapshot.list(input)) }, { key: (api) => api.volume.offer.queryKey({ tenant: tenant.slug }), data: await read((api) => api.volume.offer({ tenant: tenant.slug })) }]}><SnapshotListPage tenant={tenant.slug} /></Prefetched>
}
