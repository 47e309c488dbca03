import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Volume stores' }

export default function Page() {
  return null
}
