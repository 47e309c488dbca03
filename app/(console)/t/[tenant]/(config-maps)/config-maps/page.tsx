import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'ConfigMaps' }

export default function Page() {
  return null
}
