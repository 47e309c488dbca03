import type { Metadata } from 'next'
import { AssociateForm } from '@/components/floating-addresses/associate-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Associate ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <AssociateForm />
}
