import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { AddressListPage } from '@/components/floating-addresses/address-list-page'
import { firstListInput } from '@/components/floating-addresses/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant, me } = await requireTenant((await params).tenant, (slug) => paths.floatingAddresses(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.floatingAddress.list.queryKey(input), data: await read((api) => api.floatingAddress.list(input)) }]}>
      <AddressListPage tenant={tenant.slug} operator={me.user.operator}>{children}</AddressListPage>
    </Prefetched>
  )
}
