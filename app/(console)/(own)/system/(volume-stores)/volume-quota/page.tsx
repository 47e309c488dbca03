import type { Metadata } from 'next'
import { VolumeQuotaForm } from '@/components/volume-stores/volume-quota-form'

export const metadata: Metadata = { title: 'Set quota' }

export default function Page() {
  return <VolumeQuotaForm />
}
