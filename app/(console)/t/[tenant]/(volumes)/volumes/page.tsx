import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Volumes' }

export default function Page() {
  return null
}
