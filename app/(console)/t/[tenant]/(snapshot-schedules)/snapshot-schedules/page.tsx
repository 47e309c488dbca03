import type { Metadata } from 'next'

export const metadata: Metadata = { title: 'Snapshot schedules' }

export default function Page() {
  return null
}
