import type { Metadata } from 'next'
import { PeeringForm } from '@/components/network-peerings/peering-form'

export const metadata: Metadata = { title: 'Create peering' }

export default async function Page({ params }: { params: Promise<{ tenant: string; name: string }> }) {
  const { tenant, name } = await params
  return <PeeringForm tenant={decodeURIComponent(tenant)} network={decodeURIComponent(name)} />
}
