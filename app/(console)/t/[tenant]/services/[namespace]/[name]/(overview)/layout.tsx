import type { ReactNode } from 'react'
import { ServiceOverview } from '@/components/services/service-overview'

/** The overview stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <ServiceOverview>{children}</ServiceOverview>
}
