'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { SessionView } from '@/domain/account/view'
import { toFailure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { expectSignOut } from '@/components/client/signed-out'
import { signOutHere } from '@/components/patterns/shell/account-menu'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { AlertDialog } from '@/components/ui/alert-dialog'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Checkbox } from '@/components/ui/checkbox'
import { Panel } from '@/components/ui/panel'
import { notify } from '@/components/ui/toast'
import { browserName } from './browser-name'

/** Where the person is signed in; each can be ended, or all at once. */
export function SessionsPanel() {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const sessions = useQuery(trpc.account.sessions.queryOptions())
  const [asking, setAsking] = useState(false)
  const revoke = async (session: SessionView) => {
    try {
      await api.account.revokeSession.mutate({ id: session.id })
      await queries.invalidateQueries({ queryKey: trpc.account.sessions.queryKey() })
    } catch (error) {
      void notify({ title: 'The session was not ended', detail: toFailure(error).message, tone: 'error' })
    }
  }
  return (
    <Panel title="Sessions" description="Browsers that are signed in" actions={<Button size="sm" variant="danger-ghost" onClick={() => setAsking(true)}>Sign out everywhere</Button>} flush>
      {sessions.error && !sessions.data
        ? <div className="p-4"><QueryFailure error={sessions.error} title="Sessions cannot be shown" onRetry={() => void sessions.refetch()} /></div>
        : (
          <SimpleTable
            label="Sessions"
            heads={['Browser', 'Address', 'Last seen', 'Signed in', <span key="actions" className="sr-only">Actions</span>]}
            empty="No session."
            rows={sessions.data?.sessions.map((session) => ({
              key: session.id,
              cells: [
                <span key="browser" className="inline-flex items-center gap-2 font-medium" title={session.userAgent}>{browserName(session.userAgent)}{session.current && <Badge tone="success">This browser</Badge>}</span>,
                <code key="address" className="font-mono text-xs">{session.address}</code>,
                <Ago key="seen" time={session.lastSeenAt} />,
                <Ago key="created" time={session.createdAt} />,
                <span key="end" className="flex justify-end">{!session.current && <Button size="sm" variant="ghost" onClick={() => void revoke(session)}>End session</Button>}</span>,
              ],
            }))}
          />
        )}
      {asking && <SignOutEverywhere onClose={() => setAsking(false)} />}
    </Panel>
  )
}

function SignOutEverywhere({ onClose }: { onClose: () => void }) {
  const api = useTRPCClient()
  const [tokens, setTokens] = useState(false)
  const [pending, setPending] = useState(false)
  const run = async () => {
    setPending(true)
    const undo = expectSignOut()
    try {
      await api.account.signOutEverywhere.mutate({ tokens })
      await signOutHere()
    } catch (error) {
      undo()
      setPending(false)
      void notify({ title: 'Nothing was signed out', detail: toFailure(error).message, tone: 'error' })
    }
  }
  return (
    <AlertDialog title="Sign out everywhere?" confirm="Sign out everywhere" pending={pending} onConfirm={() => void run()} onClose={onClose}>
      <p>Every browser is signed out, this one too. Open terminals close within 5 s.</p>
      <Checkbox label="Also revoke the API tokens that I made" checked={tokens} onChange={(event) => setTokens(event.target.checked)} />
    </AlertDialog>
  )
}
