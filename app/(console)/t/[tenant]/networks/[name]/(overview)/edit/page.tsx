import type { Metadata } from 'next'
import { EditNetwork } from '@/components/networks/network-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <EditNetwork />
}
