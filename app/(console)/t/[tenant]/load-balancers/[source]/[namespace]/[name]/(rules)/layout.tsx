import type { ReactNode } from 'react'
import { BalancerRules } from '@/components/load-balancers/rules-tab'

/** The tab stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <BalancerRules>{children}</BalancerRules>
}
