import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { NetworkForm } from '@/components/networks/network-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create network' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.newNetwork)
  return <NetworkForm tenant={tenant.slug} />
}
