import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { firstListInput } from '@/components/services/list-input'
import { ServiceListPage } from '@/components/services/service-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.services(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.service.list.queryKey(input), data: await read((api) => api.service.list(input)) }]}>
      <ServiceListPage tenant={tenant.slug}>{children}</ServiceListPage>
    </Prefetched>
  )
}
