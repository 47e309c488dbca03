import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Services' }

export default function Page() {
  return null
}
