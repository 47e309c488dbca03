import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { NetworkListPage } from '@/components/networks/network-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.networks)
  const input = { tenant: tenant.slug }
  return (
    <Prefetched answers={[{ key: (api) => api.network.list.queryKey(input), data: await read((api) => api.network.list(input)) }]}>
      <NetworkListPage tenant={tenant.slug}>{children}</NetworkListPage>
    </Prefetched>
  )
}
