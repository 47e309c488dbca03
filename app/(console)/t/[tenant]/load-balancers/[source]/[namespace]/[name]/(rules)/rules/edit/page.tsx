import type { Metadata } from 'next'
import { EditRules } from '@/components/load-balancers/edit-rules'

export const metadata: Metadata = { title: 'Edit rules' }

export default function Page() {
  return <EditRules />
}
