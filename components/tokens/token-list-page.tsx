'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Plus, Trash2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { TokenView } from '@/domain/account/token'
import { formatExact } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { PageHeader } from '@/components/patterns/page-header'
import { accessTabs } from '@/components/patterns/shell/navigation'
import { Ago } from '@/components/patterns/time'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'
import { TabLinks } from '@/components/ui/tab-links'

const states: Record<TokenView['state'], { shape: StateShape; word: string }> = {
  active: { shape: 'running', word: 'Active' },
  expired: { shape: 'stopped', word: 'Expired' },
  revoked: { shape: 'failed', word: 'Revoked' },
}

const columns: ReadonlyArray<Column<TokenView>> = [
  { id: 'name', header: 'Name', grow: true, cell: (token) => <span className="block truncate">{token.name}</span> },
  { id: 'state', header: 'State', cell: (token) => <StateBadge shape={states[token.state].shape}>{states[token.state].word}</StateBadge> },
  { id: 'prefix', header: 'Begins with', from: 'sm', cell: (token) => <code className="font-mono text-xs text-soft">{token.prefix}…</code> },
  { id: 'owner', header: 'Made by', from: 'lg', cell: (token) => <span className="text-soft">{token.owner}</span> },
  { id: 'used', header: 'Last used', from: 'md', cell: (token) => <span className="text-soft">{token.lastUsedAt ? <Ago time={token.lastUsedAt} /> : 'Never'}</span> },
  { id: 'expires', header: 'Expires', from: 'sm', cell: (token) => <time dateTime={token.expiresAt} title={formatExact(token.expiresAt)} className="text-soft">{token.expiresAt.slice(0, 10)}</time> },
  { id: 'created', header: 'Created', from: 'md', cell: (token) => <span className="text-soft"><Ago time={token.createdAt} /></span> },
]

/** A tenant's API tokens. `children` is the side form that stands over the list. */
export function TokenListPage({ tenant, role, children }: { tenant: string; role: 'admin' | 'member'; children?: ReactNode }) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const router = useRouter()
  const tokens = useQuery(trpc.token.list.queryOptions({ tenant }))
  const [revoking, setRevoking] = useState<TokenView | null>(null)
  useShortcut('c', 'Create API token', () => router.push(paths.newToken(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newToken(tenant)} icon={<Plus className="size-4" />}>Create API token</ButtonLink>
  return (
    <>
      <PageHeader title="API tokens" description="For scripts. A token acts in this tenant alone, and its text is shown once." primary={create} tabs={role === 'admin' && <TabLinks label="Tokens and audit" tabs={accessTabs(tenant)} />} />
      <div className={role === 'admin' ? 'pt-4' : undefined}>
        <DataTable
          label="API tokens"
          columns={columns}
          rows={tokens.data?.tokens}
          rowKey={(token) => token.id}
          rowName={(token) => token.name}
          actions={(token) => [{ id: 'revoke', label: 'Revoke API token', icon: <Trash2 className="size-4" />, danger: true, run: () => setRevoking(token), disabledReason: token.state === 'active' ? undefined : `The token is ${token.state} already.` }]}
          error={tokens.error}
          onRetry={() => void tokens.refetch()}
          empty={<EmptyState icon={<KeyRound />} title="No API tokens yet" actions={create}>Send one as <code className="font-mono text-xs">Authorization: Bearer hyp_…</code> to call any procedure.</EmptyState>}
        />
      </div>
      {revoking && (
        <DeleteDialog
          verb="Revoke"
          noun="API token"
          name={revoking.name}
          consequences={[<>Whatever uses it is refused at once, and its open connections close within 5 s.</>, <>It cannot be made good again; create another.</>]}
          onDelete={async () => {
            await api.token.revoke.mutate({ tenant, id: revoking.id })
            await queries.invalidateQueries({ queryKey: trpc.token.list.queryKey({ tenant }) })
          }}
          onClose={() => setRevoking(null)}
        />
      )}
      {children}
    </>
  )
}
