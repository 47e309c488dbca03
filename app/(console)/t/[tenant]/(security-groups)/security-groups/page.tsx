import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Security groups' }

export default function Page() {
  return null
}
