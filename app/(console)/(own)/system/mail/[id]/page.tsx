import type { Metadata } from 'next'
import { MailPage } from '@/components/mail/mail-page'
import { requireOperator } from '../../../../../session'

export const metadata: Metadata = { title: 'Message' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  await requireOperator()
  return <MailPage id={decodeURIComponent((await params).id)} />
}
