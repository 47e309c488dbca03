import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { TokenListPage } from '@/components/tokens/token-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.tokens)
  const input = { tenant: tenant.slug }
  return (
    <Prefetched answers={[{ key: (api) => api.token.list.queryKey(input), data: await read((api) => api.token.list(input)) }]}>
      <TokenListPage tenant={tenant.slug} role={tenant.role}>{children}</TokenListPage>
    </Prefetched>
  )
}
