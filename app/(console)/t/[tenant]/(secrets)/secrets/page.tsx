import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Secrets' }

export default function Page() {
  return null
}
