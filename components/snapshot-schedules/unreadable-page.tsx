'use client'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import { useOfferActions } from '@/components/client/actions'
import { paths } from '@/components/client/paths'
import { PageHeader } from '@/components/patterns/page-header'
import { Callout } from '@/components/ui/callout'
import { DeleteSchedule } from './delete-schedule'
import { scheduleActionsFor } from './schedule-actions'
import { UnreadableState } from './schedule-state'

/** A schedule that this version cannot read: why, as the server says it, and what can be done. */
export function UnreadablePage({ tenant, name, message }: { tenant: string; name: string; message: string }) {
  const router = useRouter()
  const [deleting, setDeleting] = useState(false)
  const actions = useMemo(() => scheduleActionsFor(tenant, { metadata: { name }, problem: message }, () => setDeleting(true)).filter(({ id }) => id === 'yaml' || id === 'delete'), [tenant, name, message])
  useOfferActions(name, actions)
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<UnreadableState problem={message} />} actions={actions} prominent={2} />
      <Callout tone="error" title="This schedule cannot be read">{message}</Callout>
      {deleting && <DeleteSchedule tenant={tenant} schedule={{ metadata: { name } }} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.snapshotSchedules(tenant))} />}
    </div>
  )
}
