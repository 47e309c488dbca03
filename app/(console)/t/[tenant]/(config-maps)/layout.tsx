import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ConfigMapListPage } from '@/components/config-maps/config-map-list-page'
import { firstListInput } from '@/components/config-maps/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.configMaps(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.configMap.list.queryKey(input), data: await read((api) => api.configMap.list(input)) }]}>
      <ConfigMapListPage tenant={tenant.slug}>{children}</ConfigMapListPage>
    </Prefetched>
  )
}
