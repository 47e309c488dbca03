import type { ReactNode } from 'react'
import { BalancerCertificates } from '@/components/certificates/certificates-tab'

/** The tab stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <BalancerCertificates>{children}</BalancerCertificates>
}
