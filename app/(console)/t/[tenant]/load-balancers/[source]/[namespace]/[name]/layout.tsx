import type { Metadata } from 'next'
import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { balancerSource } from '@/domain/load-balancer/view'
import { paths } from '@/components/client/paths'
import { BalancerFrame } from '@/components/load-balancers/balancer-frame'
import { Prefetched } from '../../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; source: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Layout({ children, params }: Props) {
  const { tenant: slug, ...rest } = await params
  const source = balancerSource.options.find((each) => each.toLowerCase() === rest.source)
  if (!source) notFound()
  const [namespace, name] = [decodeURIComponent(rest.namespace), decodeURIComponent(rest.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.loadBalancer(decoded, source, namespace, name))
  const input = { tenant: tenant.slug, source, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.loadBalancer.get.queryKey(input), data: await read((api) => api.loadBalancer.get(input)) }]}>
      <BalancerFrame {...input}>{children}</BalancerFrame>
    </Prefetched>
  )
}
