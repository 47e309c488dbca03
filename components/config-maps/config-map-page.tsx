'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { ConfigMapView } from '@/domain/config-map/view'
import { base64Bytes } from '@/domain/shared/base64'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { CodeBlock } from '@/components/ui/code-block'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { configMapActionsFor } from './config-map-actions'
import { DeleteConfigMap } from './delete-config-map'
import { UsedBy } from './used-by'

/** One ConfigMap: its values and the pods that name it. `children` is the form that stands over it. */
export function ConfigMapPage({ tenant, namespace, name, children }: { tenant: string; namespace: string; name: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const configMap = useQuery(trpc.configMap.get.queryOptions({ tenant, namespace, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = configMap
  const actions = useMemo(() => (data ? configMapActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  if (configMap.error && !data) return isMissing(configMap.error) ? <EmptyState title={`No ConfigMap “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={configMap.error} title={`ConfigMap ${name} cannot be shown`} onRetry={() => void configMap.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} actions={actions} prominent={2} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_380px]">
        <Values configMap={data} />
        <div className="flex flex-col gap-4">
          <Panel title="Properties">
            <Properties>
              <Property name="Namespace">{namespace}</Property>
              <Property name="Size">{`${formatBytes(data.bytes)} of 1 MiB`}</Property>
              <Property name="Changes">{data.immutable ? 'Immutable' : 'Allowed'}</Property>
              <Property name="Labels">{Object.entries(data.metadata.labels).map(([key, value]) => `${key}=${value}`).join(', ')}</Property>
              <Property name="Created"><Ago time={data.metadata.creationTimestamp} /></Property>
              <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
            </Properties>
          </Panel>
          <UsedBy tenant={tenant} pods={data.pods} usedBy={data.usedBy}>No pod names this ConfigMap yet.</UsedBy>
        </div>
      </div>
      {deleting && <DeleteConfigMap tenant={tenant} configMap={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.configMaps(tenant))} />}
      {children}
    </div>
  )
}

function Values({ configMap: { data, binaryData, keyCount } }: { configMap: ConfigMapView }) {
  return (
    <Panel title="Data" description={formatCount(keyCount, 'key')}>
      {keyCount === 0 && <p className="text-center text-sm text-faint">It has no keys yet.</p>}
      <dl className="flex flex-col gap-4">
        {Object.entries(data).map(([key, text]) => (
          <div key={key} className="min-w-0">
            <dt className="mb-1 font-mono text-xs font-medium">{key}</dt>
            <dd>{text === '' ? <span className="text-sm text-faint">Empty</span> : <CodeBlock label={`Value of ${key}`} code={text} />}</dd>
          </div>
        ))}
        {Object.entries(binaryData).map(([key, base64]) => (
          <div key={key} className="min-w-0">
            <dt className="mb-1 font-mono text-xs font-medium">{key}</dt>
            <dd className="text-sm text-soft">{formatBytes(base64Bytes(base64))} that are no text</dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}
