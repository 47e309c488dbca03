import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { SnapshotsTab } from '@/components/volume-snapshots/snapshots-tab'
import { timelineInput } from '@/components/volume-snapshots/timeline-input'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

/** The timeline stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string; name: string }> }) {
  const { tenant: slug, name } = await params
  const { tenant } = await requireTenant(slug, (decoded) => paths.volumeTimeline(decoded, decodeURIComponent(name)))
  const input = timelineInput(tenant.slug, decodeURIComponent(name))
  return (
    <Prefetched answers={[{ key: (api) => api.volumeSnapshot.list.queryKey(input), data: await read((api) => api.volumeSnapshot.list(input)) }]}>
      <SnapshotsTab>{children}</SnapshotsTab>
    </Prefetched>
  )
}
