import type { ReactNode } from 'react'
import { AddressOverview } from '@/components/floating-addresses/address-overview'

/** The overview stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <AddressOverview>{children}</AddressOverview>
}
