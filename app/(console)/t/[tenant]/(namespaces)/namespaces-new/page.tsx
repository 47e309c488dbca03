import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { NamespaceForm } from '@/components/namespaces/namespace-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create namespace' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.newNamespace)
  return <NamespaceForm tenant={tenant.slug} />
}
