'use client'
import { PageFailure } from '@/components/patterns/page-failure'

export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return <main className="p-6"><PageFailure digest={error.digest} onRetry={reset} /></main>
}
