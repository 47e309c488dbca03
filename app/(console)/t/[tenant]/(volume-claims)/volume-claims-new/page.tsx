import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ClaimForm } from '@/components/volume-claims/claim-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create claim' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newVolumeClaim(slug))
  return <ClaimForm tenant={tenant.slug} />
}
