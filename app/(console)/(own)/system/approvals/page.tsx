import type { Metadata } from 'next'
import { PendingAccountsPage } from '@/components/account/pending-accounts-page'
import { requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Approvals' }

export default async function Page() {
  await requireOperator()
  return <PendingAccountsPage />
}
