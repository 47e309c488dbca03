import type { Metadata } from 'next'
import { QuotaForm } from '@/components/address-pools/quota-form'

export const metadata: Metadata = { title: 'Set quota' }

export default function Page() {
  return <QuotaForm />
}
