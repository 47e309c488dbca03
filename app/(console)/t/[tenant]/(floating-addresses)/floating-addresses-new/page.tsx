import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { AddressForm } from '@/components/floating-addresses/address-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Allocate address' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newFloatingAddress(slug))
  return <AddressForm tenant={tenant.slug} />
}
