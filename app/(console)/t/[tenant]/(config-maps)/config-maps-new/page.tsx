import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ConfigMapForm } from '@/components/config-maps/config-map-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create ConfigMap' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newConfigMap(slug))
  return <ConfigMapForm tenant={tenant.slug} />
}
