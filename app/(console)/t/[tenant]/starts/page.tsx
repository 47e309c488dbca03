import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { TenantStartsPage } from '@/components/starts/starts-pages'
import { requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Starts' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.starts)
  return <TenantStartsPage tenant={tenant.slug} />
}
