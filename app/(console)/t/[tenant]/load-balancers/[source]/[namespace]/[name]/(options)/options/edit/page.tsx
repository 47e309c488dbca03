import type { Metadata } from 'next'
import { EditOptions } from '@/components/load-balancers/options-form'

export const metadata: Metadata = { title: 'Edit options' }

export default function Page() {
  return <EditOptions />
}
