import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ImageListPage } from '@/components/images/image-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Images' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.images)
  const input = { tenant: tenant.slug }
  return (
    <Prefetched answers={[{ key: (api) => api.image.list.queryKey(input), data: await read((api) => api.image.list(input)) }]}>
      <ImageListPage tenant={tenant.slug} />
    </Prefetched>
  )
}
