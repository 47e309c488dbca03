import type { Metadata } from 'next'
import { TokenForm } from '@/components/tokens/token-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create API token' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant)
  return <TokenForm tenant={tenant.slug} />
}
