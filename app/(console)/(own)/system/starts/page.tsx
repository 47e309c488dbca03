import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { FleetStartsPage } from '@/components/starts/starts-pages'
import { requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Starts' }

export default async function Page() {
  await requireOperator(paths.starts())
  return <FleetStartsPage />
}
