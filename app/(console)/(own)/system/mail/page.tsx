import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { MailListPage } from '@/components/mail/mail-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Mail' }

export default async function Page() {
  await requireOperator(paths.mail())
  const input = { limit: 100 }
  return <Prefetched answers={[{ key: (api) => api.mail.list.queryKey(input), data: await read((api) => api.mail.list(input)) }]}><MailListPage /></Prefetched>
}
