'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Lock, Plus } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { SecretSummary } from '@/domain/config-map/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { configurationColumns, ConfigurationTable } from '@/components/config-maps/configuration-table'
import { configurationListInput } from '@/components/config-maps/list-input'
import type { Column } from '@/components/patterns/data-table/columns'
import { PageHeader } from '@/components/patterns/page-header'
import { configurationTabs } from '@/components/patterns/shell/navigation'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteSecret } from './delete-secret'
import { secretActionsFor } from './secret-actions'
import { secretTypeName, secretTypeNames } from './secret-types'

const typeColumn: Column<SecretSummary> = { id: 'type', header: 'Type', sortBy: 'type', from: 'sm', cell: ({ type }) => <span title={type} className="text-soft">{secretTypeName(type)}</span> }

/** A tenant's Secrets, without their values. `children` is the side form that stands over the list. */
export function SecretListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const common = configurationListInput(tenant, query.get)
  const type = query.get('type')
  const input = { ...common, sort: query.get('sort') === 'type' ? ('type' as const) : common.sort, ...(type && { type }) }
  const page = useQuery({ ...trpc.secret.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnPodEvents(tenant, trpc.secret.list.queryKey())
  const [deleting, setDeleting] = useState<SecretSummary | null>(null)
  const columns = useMemo(() => configurationColumns<SecretSummary>(({ metadata }) => paths.secret(tenant, metadata.namespace, metadata.name), [typeColumn]), [tenant])
  useShortcut('c', 'Create Secret', () => router.push(paths.newSecret(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newSecret(tenant)} icon={<Plus className="size-4" />}>Create Secret</ButtonLink>
  return (
    <>
      <PageHeader title="Secrets" description="Values are kept wrapped by the tenant’s own key and reach only the hosts whose pods name them." primary={create} tabs={<TabLinks label="ConfigMaps and Secrets" tabs={configurationTabs(tenant)} />} />
      <div className="pt-4">
        <ConfigurationTable
          tenant={tenant} noun="Secret" input={input} filtered={Boolean(type)} page={page} columns={columns}
          actions={(row) => secretActionsFor(tenant, row, () => setDeleting(row))}
          filters={(
            <span className="w-44">
              <Select aria-label="Type" value={type} onChange={(event) => query.push({ type: event.target.value || null, cursor: null, from: null })}>
                <option value="">Any type</option>
                {Object.entries(secretTypeNames).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
              </Select>
            </span>
          )}
          empty={<EmptyState icon={<Lock />} title="No Secrets yet" actions={create}>A Secret holds passwords, keys and registry logins: a pod names it under env, envFrom, volumes or imagePullSecrets.</EmptyState>}
        />
      </div>
      {deleting && <DeleteSecret tenant={tenant} secret={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
