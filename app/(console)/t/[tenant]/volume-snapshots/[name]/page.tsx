import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { SnapshotPage } from '@/components/volume-snapshots/snapshot-page'
import { Prefetched } from '../../../../../prefetched'
import { read, requireTenant } from '../../../../../session'

type Props = { params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Page({ params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant } = await requireTenant(slug, (decoded) => paths.volumeSnapshot(decoded, decodeURIComponent(name)))
  const input = { tenant: tenant.slug, name: decodeURIComponent(name) }
  return (
    <Prefetched answers={[{ key: (api) => api.volumeSnapshot.get.queryKey(input), data: await read((api) => api.volumeSnapshot.get(input)) }]}>
      <SnapshotPage {...input} />
    </Prefetched>
  )
}
