import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ServiceForm } from '@/components/services/service-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create service' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newService(slug))
  return <ServiceForm tenant={tenant.slug} />
}
