import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { SecretListPage } from '@/components/secrets/secret-list-page'
import { firstListInput } from '@/components/config-maps/list-input'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.secrets(slug))
  const input = firstListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.secret.list.queryKey(input), data: await read((api) => api.secret.list(input)) }]}>
      <SecretListPage tenant={tenant.slug}>{children}</SecretListPage>
    </Prefetched>
  )
}
