import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { MailPage } from '@/components/mail/mail-page'
import { requireOperator } from '../../../../../session'

export const metadata: Metadata = { title: 'Message' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const id = decodeURIComponent((await params).id)
  await requireOperator(paths.mailMessage(id))
  return <MailPage id={id} />
}
