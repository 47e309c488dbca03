import type { Metadata } from 'next'
import { StoreForm } from '@/components/volume-stores/store-form'

export const metadata: Metadata = { title: 'Create volume store' }

export default function Page() {
  return <StoreForm />
}
