import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { AccountPage } from '@/components/account/account-page'
import { requireMe } from '../../../session'

export const metadata: Metadata = { title: 'Account' }

export default async function Page() {
  return <AccountPage me={await requireMe(paths.account())} />
}
