import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { FleetTopPage } from '@/components/figures/fleet-top-page'
import { requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Top' }

export default async function Page() {
  await requireOperator(paths.top())
  return <FleetTopPage />
}
