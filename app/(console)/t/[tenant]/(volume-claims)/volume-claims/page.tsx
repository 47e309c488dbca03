import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Claims' }

export default function Page() {
  return null
}
