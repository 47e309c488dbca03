import type { Metadata } from 'next'

export async function generateMetadata({ params }: { params: Promise<{ name: string }> }): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default function Page() {
  return null
}
