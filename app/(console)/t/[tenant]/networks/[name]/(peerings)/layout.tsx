import type { ReactNode } from 'react'
import { PeeringList } from '@/components/network-peerings/peering-list'

type Props = { children: ReactNode; params: Promise<{ tenant: string; name: string }> }

/** The list stays while its side form comes and goes. */
export default async function Layout({ children, params }: Props) {
  const { tenant, name } = await params
  return <PeeringList tenant={decodeURIComponent(tenant)} network={decodeURIComponent(name)}>{children}</PeeringList>
}
