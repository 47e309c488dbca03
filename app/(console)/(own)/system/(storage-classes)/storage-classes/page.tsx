import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Storage classes' }

export default function Page() {
  return null
}
