import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { VolumeListPage } from '@/components/volumes/volume-list-page'
import { firstListInput } from '@/components/volumes/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant, me } = await requireTenant((await params).tenant, (slug) => paths.volumes(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.volume.list.queryKey(input), data: await read((api) => api.volume.list(input)) }, { key: (api) => api.volume.offer.queryKey({ tenant: tenant.slug }), data: await read((api) => api.volume.offer({ tenant: tenant.slug })) }]}>
      <VolumeListPage tenant={tenant.slug} operator={me.user.operator}>{children}</VolumeListPage>
    </Prefetched>
  )
}
