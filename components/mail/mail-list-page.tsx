'use client'
import { useQuery } from '@tanstack/react-query'
import { Mail } from 'lucide-react'
import Link from 'next/link'
import type { MailView } from '@/domain/account/mail'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { EmptyState } from '@/components/ui/empty-state'
import { MailState } from './mail-state'

const columns: ReadonlyArray<Column<MailView>> = [
  { id: 'subject', header: 'Subject', grow: true, cell: (mail) => <Link href={paths.mailMessage(mail.id)} className="block truncate leading-6 hover:text-accent-content hover:underline">{mail.subject}</Link> },
  { id: 'state', header: 'State', cell: (mail) => <MailState mail={mail} /> },
  { id: 'recipient', header: 'To', from: 'sm', cell: (mail) => <span className="text-soft">{mail.recipient}</span> },
  { id: 'created', header: 'Written', cell: (mail) => <span className="text-soft"><Ago time={mail.createdAt} /></span> },
]

/** Mail of the installation: kept here for the operator where no SMTP server is set. */
export function MailListPage() {
  const trpc = useTRPC()
  const mails = useQuery(trpc.mail.list.queryOptions({ limit: 100 }))
  return (
    <>
      <PageHeader title="Mail" description="Without an SMTP server mail is kept here for the operator to hand on." />
      <DataTable
        label="Mail"
        columns={columns}
        rows={mails.data?.mails}
        rowKey={(mail) => mail.id}
        rowName={(mail) => mail.subject}
        error={mails.error}
        onRetry={() => void mails.refetch()}
        empty={<EmptyState icon={<Mail />} title="No mail yet">Messages such as a password reset appear here.</EmptyState>}
      />
    </>
  )
}
