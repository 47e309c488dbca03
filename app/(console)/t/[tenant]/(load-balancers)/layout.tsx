import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { BalancerListPage } from '@/components/load-balancers/balancer-list-page'
import { firstBalancerListInput } from '@/components/load-balancers/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.loadBalancers(slug))
  const input = firstBalancerListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.loadBalancer.list.queryKey(input), data: await read((api) => api.loadBalancer.list(input)) }]}>
      <BalancerListPage tenant={tenant.slug}>{children}</BalancerListPage>
    </Prefetched>
  )
}
