import type { Metadata } from 'next'
import { EditStore } from '@/components/volume-stores/store-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: { params: Promise<{ name: string }> }) {
  return <EditStore name={decodeURIComponent((await params).name)} />
}
