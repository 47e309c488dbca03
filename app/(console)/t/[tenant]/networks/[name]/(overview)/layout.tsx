import type { ReactNode } from 'react'
import { NetworkOverview } from '@/components/networks/network-overview'

/** The overview stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <NetworkOverview>{children}</NetworkOverview>
}
