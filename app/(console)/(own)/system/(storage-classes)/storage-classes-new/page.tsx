import type { Metadata } from 'next'
import { ClassForm } from '@/components/storage-classes/class-form'

export const metadata: Metadata = { title: 'Create storage class' }

export default function Page() {
  return <ClassForm />
}
