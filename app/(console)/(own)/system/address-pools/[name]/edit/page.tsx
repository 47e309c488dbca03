import type { Metadata } from 'next'
import { EditPool } from '@/components/address-pools/pool-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: { params: Promise<{ name: string }> }) {
  return <EditPool name={decodeURIComponent((await params).name)} />
}
