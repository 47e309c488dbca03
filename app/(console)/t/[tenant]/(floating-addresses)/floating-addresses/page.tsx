import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Floating addresses' }

export default function Page() {
  return null
}
