import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ImageListPage } from '@/components/images/image-list-page'
import { firstListInput } from '@/components/images/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side forms come and go. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.images(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.image.list.queryKey(input), data: await read((api) => api.image.list(input)) }]}>
      <ImageListPage tenant={tenant.slug}>{children}</ImageListPage>
    </Prefetched>
  )
}
