import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { BalancerForm } from '@/components/load-balancers/balancer-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create balancer' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newLoadBalancer(slug))
  return <BalancerForm tenant={tenant.slug} />
}
