import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Networks' }

export default function Page() {
  return null
}
