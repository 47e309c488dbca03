import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { SecretForm } from '@/components/secrets/secret-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create Secret' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newSecret(slug))
  return <SecretForm tenant={tenant.slug} />
}
