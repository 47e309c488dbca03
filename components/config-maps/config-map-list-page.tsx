'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Plus, SlidersHorizontal } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { ConfigMapSummary } from '@/domain/config-map/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { PageHeader } from '@/components/patterns/page-header'
import { configurationTabs } from '@/components/patterns/shell/navigation'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { configMapActionsFor } from './config-map-actions'
import { configurationColumns, ConfigurationTable } from './configuration-table'
import { DeleteConfigMap } from './delete-config-map'
import { configurationListInput } from './list-input'

/** A tenant's ConfigMaps. `children` is the side form that stands over the list. */
export function ConfigMapListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = configurationListInput(tenant, query.get)
  const page = useQuery({ ...trpc.configMap.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnPodEvents(tenant, trpc.configMap.list.queryKey())
  const [deleting, setDeleting] = useState<ConfigMapSummary | null>(null)
  const columns = useMemo(() => configurationColumns<ConfigMapSummary>(({ metadata }) => paths.configMap(tenant, metadata.namespace, metadata.name)), [tenant])
  useShortcut('c', 'Create ConfigMap', () => router.push(paths.newConfigMap(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newConfigMap(tenant)} icon={<Plus className="size-4" />}>Create ConfigMap</ButtonLink>
  return (
    <>
      <PageHeader title="ConfigMaps" description="Settings that pods get as variables or files. Files change in running pods when the ConfigMap does." primary={create} tabs={<TabLinks label="ConfigMaps and Secrets" tabs={configurationTabs(tenant)} />} />
      <div className="pt-4">
        <ConfigurationTable
          tenant={tenant} noun="ConfigMap" input={input} page={page} columns={columns}
          actions={(row) => configMapActionsFor(tenant, row, () => setDeleting(row))}
          empty={<EmptyState icon={<SlidersHorizontal />} title="No ConfigMaps yet" actions={create}>A ConfigMap keeps settings out of images: a pod names it under env, envFrom or volumes.</EmptyState>}
        />
      </div>
      {deleting && <DeleteConfigMap tenant={tenant} configMap={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
