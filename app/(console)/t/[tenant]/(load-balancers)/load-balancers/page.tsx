import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Load balancers' }

export default function Page() {
  return null
}
