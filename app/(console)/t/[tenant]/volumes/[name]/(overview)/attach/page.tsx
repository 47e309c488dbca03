import type { Metadata } from 'next'
import { AttachForm } from '@/components/volumes/attach-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Attach ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <AttachForm />
}
