import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { NetworkPolicyPage } from '@/components/network-policies/network-policy-page'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { params: Promise<{ tenant: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Page({ params }: Props) {
  const { tenant: slug, ...rest } = await params
  const [namespace, name] = [decodeURIComponent(rest.namespace), decodeURIComponent(rest.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.networkPolicy(decoded, namespace, name))
  const input = { tenant: tenant.slug, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.networkPolicy.get.queryKey(input), data: await read((api) => api.networkPolicy.get(input)) }]}>
      <NetworkPolicyPage {...input} />
    </Prefetched>
  )
}
