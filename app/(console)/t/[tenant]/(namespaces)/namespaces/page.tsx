import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Namespaces' }

export default function Page() {
  return null
}
