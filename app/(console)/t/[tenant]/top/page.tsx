import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { TenantTopPage } from '@/components/figures/tenant-top-page'
import { requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Top' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.top)
  return <TenantTopPage tenant={tenant.slug} />
}
