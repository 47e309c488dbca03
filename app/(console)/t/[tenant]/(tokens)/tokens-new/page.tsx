import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { TokenForm } from '@/components/tokens/token-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create API token' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.newToken)
  return <TokenForm tenant={tenant.slug} />
}
