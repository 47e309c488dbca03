'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { UsedBy } from '@/components/config-maps/used-by'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { DeleteSecret } from './delete-secret'
import { secretActionsFor } from './secret-actions'
import { SecretValues } from './secret-values'

type SecretPageProps = { tenant: string; namespace: string; name: string; role: 'admin' | 'member'; children?: ReactNode }

/** One Secret: its keys, and the pods that name it. `children` is the form that stands over it. */
export function SecretPage({ tenant, namespace, name, role, children }: SecretPageProps) {
  const trpc = useTRPC()
  const router = useRouter()
  const secret = useQuery(trpc.secret.get.queryOptions({ tenant, namespace, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = secret
  const actions = useMemo(() => (data ? secretActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  if (secret.error && !data) return isMissing(secret.error) ? <EmptyState title={`No Secret “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={secret.error} title={`Secret ${name} cannot be shown`} onRetry={() => void secret.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} actions={actions} prominent={2} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_380px]">
        <SecretValues tenant={tenant} secret={data} role={role} />
        <div className="flex flex-col gap-4">
          <Panel title="Properties">
            <Properties>
              <Property name="Namespace">{namespace}</Property>
              <Property name="Type"><code className="break-all font-mono text-xs">{data.type}</code></Property>
              <Property name="Size">{`${formatBytes(data.bytes)} of 1 MiB`}</Property>
              <Property name="Changes">{data.immutable ? 'Immutable' : 'Allowed'}</Property>
              <Property name="Labels">{Object.entries(data.metadata.labels).map(([key, value]) => `${key}=${value}`).join(', ')}</Property>
              <Property name="Created"><Ago time={data.metadata.creationTimestamp} /></Property>
              <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
            </Properties>
          </Panel>
          <UsedBy tenant={tenant} pods={data.pods} usedBy={data.usedBy}>No pod names this Secret yet.</UsedBy>
        </div>
      </div>
      {deleting && <DeleteSecret tenant={tenant} secret={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.secrets(tenant))} />}
      {children}
    </div>
  )
}
