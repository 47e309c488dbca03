'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Check, UserRoundCheck, X } from 'lucide-react'
import type { PendingAccountView } from '@/domain/account/view'
import type { Action } from '@/components/client/actions'
import { toFailure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { EmptyState } from '@/components/ui/empty-state'
import { notify } from '@/components/ui/toast'

const columns: ReadonlyArray<Column<PendingAccountView>> = [
  { id: 'name', header: 'Name', cell: (account) => account.name },
  { id: 'email', header: 'E-mail', cell: (account) => <span className="text-soft">{account.email}</span> },
  { id: 'organization', header: 'Organization', grow: true, from: 'sm', cell: (account) => <span className="block truncate text-soft">{account.organization}</span> },
  { id: 'created', header: 'Signed up', cell: (account) => <span className="text-soft"><Ago time={account.createdAt} /></span> },
]

/** Accounts that wait for an operator, where sign-up asks for approval. */
export function PendingAccountsPage() {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const pending = useQuery(trpc.account.pending.queryOptions())
  const decide = async (account: PendingAccountView, verb: 'approve' | 'decline') => {
    try {
      await api.account[verb].mutate({ id: account.id })
      await queries.invalidateQueries({ queryKey: trpc.account.pending.queryKey() })
    } catch (error) {
      void notify({ title: `${account.name} was not ${verb}d`, detail: toFailure(error).message, tone: 'error' })
    }
  }
  const actions = (account: PendingAccountView): Action[] => [
    { id: 'approve', label: 'Approve account', icon: <Check className="size-4" />, run: () => void decide(account, 'approve') },
    { id: 'decline', label: 'Decline account', icon: <X className="size-4" />, danger: true, run: () => void decide(account, 'decline') },
  ]
  return (
    <>
      <PageHeader title="Approvals" description="Accounts that signed up and wait for an operator." />
      <DataTable
        label="Approvals"
        columns={columns}
        rows={pending.data?.accounts}
        rowKey={(account) => account.id}
        rowName={(account) => account.name}
        actions={actions}
        error={pending.error}
        onRetry={() => void pending.refetch()}
        empty={<EmptyState icon={<UserRoundCheck />} title="Nobody waits">Accounts wait here only where HYPERNETES_SIGNUP is “approval”.</EmptyState>}
      />
    </>
  )
}
