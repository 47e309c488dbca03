import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Images' }

export default function Page() {
  return null
}
