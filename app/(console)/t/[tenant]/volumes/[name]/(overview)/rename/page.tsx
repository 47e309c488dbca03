import type { Metadata } from 'next'
import { RenameForm } from '@/components/volumes/rename-form'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: `Rename ${decodeURIComponent((await params).name)}` }
}

export default function Page() {
  return <RenameForm />
}
