import type { ReactNode } from 'react'
import { BalancerOptions } from '@/components/load-balancers/options-tab'

/** The tab stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <BalancerOptions>{children}</BalancerOptions>
}
