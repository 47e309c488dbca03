import type { Metadata } from 'next'
import { EditClass } from '@/components/storage-classes/class-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: { params: Promise<{ name: string }> }) {
  return <EditClass name={decodeURIComponent((await params).name)} />
}
