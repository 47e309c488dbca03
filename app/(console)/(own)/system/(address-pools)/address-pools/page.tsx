import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Address pools' }

export default function Page() {
  return null
}
