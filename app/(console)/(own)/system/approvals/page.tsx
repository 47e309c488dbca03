import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { PendingAccountsPage } from '@/components/account/pending-accounts-page'
import { requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Approvals' }

export default async function Page() {
  await requireOperator(paths.approvals())
  return <PendingAccountsPage />
}
