'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { isMissing, toFailure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { notify } from '@/components/ui/toast'
import { MailState } from './mail-state'

/** One message with its text, to hand on. Reading it is audited. */
export function MailPage({ id }: { id: string }) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const mail = useQuery({ ...trpc.mail.get.queryOptions({ id }), staleTime: Infinity, refetchOnWindowFocus: false })
  const [pending, setPending] = useState(false)
  const { data } = mail
  if (!data && mail.error) return isMissing(mail.error) ? <EmptyState title="No such message" /> : <QueryFailure error={mail.error} title="The message cannot be shown" onRetry={() => void mail.refetch()} />
  if (!data) return <Skeleton className="h-7 w-64" />
  const resend = async () => {
    setPending(true)
    try {
      await api.mail.resend.mutate({ id })
      await queries.invalidateQueries({ queryKey: trpc.mail.pathKey() })
    } catch (error) {
      void notify({ title: 'The message was not sent', detail: toFailure(error).message, tone: 'error' })
    }
    setPending(false)
  }
  return (
    <div className="mx-auto flex w-full max-w-220 flex-col gap-4">
      <PageHeader title={data.subject} beside={<MailState mail={data} />} primary={data.state !== 'sent' && <Button pending={pending} onClick={() => void resend()}>Send message again</Button>} />
      {data.error && <Callout tone="error" title="The SMTP server refused it">{data.error}</Callout>}
      <Panel title="Message">
        <Properties>
          <Property name="To">{data.recipient}</Property>
          <Property name="Written"><Ago time={data.createdAt} /></Property>
          <Property name="Sent">{data.sentAt && <Ago time={data.sentAt} />}</Property>
        </Properties>
        <div className="mt-4">
          {data.body === null
            ? <p className="text-sm text-faint">Its text is not kept: it was sent, and only the recipient needs the link in it.</p>
            : <CodeBlock label="Text" code={data.body} className="[&_pre]:whitespace-pre-wrap [&_pre]:break-words" />}
        </div>
      </Panel>
    </div>
  )
}
