import type { Metadata } from 'next'
import { TakeSnapshotForm } from '@/components/volume-snapshots/take-snapshot-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Take snapshot of ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <TakeSnapshotForm />
}
