import type { Metadata } from 'next'
import { PoolForm } from '@/components/address-pools/pool-form'

export const metadata: Metadata = { title: 'Create address pool' }

export default function Page() {
  return <PoolForm />
}
