import type { Metadata } from 'next'
import { GrowForm } from '@/components/volumes/grow-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Grow ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <GrowForm />
}
