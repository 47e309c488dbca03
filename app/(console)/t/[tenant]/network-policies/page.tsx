import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { firstPolicyListInput } from '@/components/network-policies/list-input'
import { NetworkPolicyListPage } from '@/components/network-policies/network-policy-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Network policies' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.networkPolicies)
  const input = firstPolicyListInput(tenant.slug)
  return (
    <Prefetched answers={[{ key: (api) => api.networkPolicy.list.queryKey(input), data: await read((api) => api.networkPolicy.list(input)) }]}>
      <NetworkPolicyListPage tenant={tenant.slug} />
    </Prefetched>
  )
}
