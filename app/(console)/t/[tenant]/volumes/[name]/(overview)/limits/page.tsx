import type { Metadata } from 'next'
import { VolumeLimitsForm } from '@/components/volumes/limits-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Limits of ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <VolumeLimitsForm />
}
