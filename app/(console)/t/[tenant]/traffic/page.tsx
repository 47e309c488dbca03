import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { TrafficPage } from '@/components/figures/traffic-page'
import { requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Traffic' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.traffic)
  return <TrafficPage tenant={tenant.slug} />
}
