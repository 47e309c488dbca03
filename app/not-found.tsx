import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { NotFound } from '@/components/patterns/not-found'

export const metadata: Metadata = { title: 'Not found' }

export default function Page() {
  return <main className="flex min-h-dvh items-center justify-center p-6"><NotFound home={paths.home()} /></main>
}
