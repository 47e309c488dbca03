import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { firstGroupListInput } from '@/components/security-groups/list-input'
import { SecurityGroupListPage } from '@/components/security-groups/security-group-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.securityGroups)
  const input = firstGroupListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.securityGroup.list.queryKey(input), data: await read((api) => api.securityGroup.list(input)) }]}>
      <SecurityGroupListPage tenant={tenant.slug}>{children}</SecurityGroupListPage>
    </Prefetched>
  )
}
