import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { NamespaceListPage } from '@/components/namespaces/namespace-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.namespaces)
  const input = { tenant: tenant.slug }
  return (
    <Prefetched answers={[{ key: (api) => api.namespace.list.queryKey(input), data: await read((api) => api.namespace.list(input)) }]}>
      <NamespaceListPage tenant={tenant.slug}>{children}</NamespaceListPage>
    </Prefetched>
  )
}
