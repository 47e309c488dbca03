'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import { isShared } from '@/domain/volume-store/spec'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnStores } from '@/components/client/use-changes'
import { Conditions } from '@/components/patterns/conditions'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { StateBadge } from '@/components/ui/state-badge'
import { DeleteStore } from './delete-store'
import { storeActionsFor } from './store-actions'
import { kindText, StoreRoom, StoreState } from './store-state'
import { StoreTenants } from './store-tenants'

/** One store: what it is, how full it is and by whom, which hosts reach it. `children` is the form that stands over it. */
export function StorePage({ name, children }: { name: string; children?: ReactNode }) {
  const router = useRouter()
  const options = useTRPC().volumeStore.get.queryOptions({ name })
  // When hosts said it last is nothing that changes the store.
  const store = useQuery({ ...options, refetchInterval: 60_000 })
  useRefreshOnStores(options.queryKey)
  const [deleting, setDeleting] = useState(false)
  const { data } = store
  const actions = useMemo(() => (data ? storeActionsFor(data, () => setDeleting(true)).filter(({ id }) => id !== 'open') : []), [data])
  useOfferActions(name, actions)
  if (store.error && (!data || isMissing(store.error))) return isMissing(store.error) ? <EmptyState title={`No volume store “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={store.error} title={`Volume store ${name} cannot be shown`} onRetry={() => void store.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<StoreState store={data} />} actions={actions} prominent={1} />
      {data.spec.kind === 'rbd' && !data.status.hasKey && <Callout tone="error" title="It has no key">Hosts open no volume of it without the key of user {data.spec.user}: edit the store, and enter it.</Callout>}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <StoreProperties store={data} />
        <Panel title="Conditions" flush><Conditions conditions={data.status.conditions} /></Panel>
      </div>
      <StoreTenants store={data} />
      <StoreHosts store={data} />
      {deleting && <DeleteStore store={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.volumeStores())} />}
      {children}
    </div>
  )
}

const Lines = ({ of }: { of: readonly string[] }) => <span className="flex flex-col font-mono text-xs">{of.map((line) => <span key={line}>{line}</span>)}</span>

function StoreProperties({ store }: { store: VolumeStoreView }) {
  const { metadata, spec, status } = store
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="Kind">{kindText(spec)}</Property>
        {spec.kind === 'file' && <Property name="Folder">{spec.folder ? <CopyableId id={spec.folder} /> : 'As each host’s setting HYPERNETES_VOLUMES says'}</Property>}
        {spec.kind === 'rbd' && <Property name="Monitors"><Lines of={spec.monitors} /></Property>}
        {spec.kind === 'rbd' && <Property name="User">{spec.user} <span className="text-faint">· {status.hasKey ? 'its key is kept' : 'no key'}</span></Property>}
        {spec.kind === 'rbd' && <Property name="Networks"><Lines of={spec.networks} /></Property>}
        <Property name="A volume">{isShared(spec) ? 'is opened by any host that reaches the store' : 'lies on one host’s disk, and draws its pods there'}</Property>
        <Property name="Room used"><StoreRoom store={store} /></Property>
        <Property name="Promised">{formatBytes(status.promisedBytes)} <span className="text-faint">to {formatCount(status.volumes, 'volume')}; {formatCount(status.snapshots, 'snapshot')}</span></Property>
        {status.removals.count > 0 && <Property name="Still to remove">{formatCount(status.removals.count, 'removed volume or snapshot', 'removed volumes and snapshots')} <span className="text-faint">on disks of lost hosts: {status.removals.hosts.join(', ')}</span></Property>}
        <Property name="Classes">{status.storageClasses.join(', ')}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
    </Panel>
  )
}

/** What a host says counts while it is heard of. */
function HostWord({ heard, reachable }: { heard: boolean; reachable: boolean }) {
  if (!heard) return <StateBadge shape="unknown">Host is silent</StateBadge>
  return <StateBadge shape={reachable ? 'running' : 'failed'}>{reachable ? 'Reached' : 'Not reached'}</StateBadge>
}

/** What each host says of it. */
function StoreHosts({ store: { status } }: { store: VolumeStoreView }) {
  return (
    <Panel title="Hosts" flush>
      <SimpleTable
        label="Hosts and this store"
        heads={['Host', 'State', 'Free', 'Said', 'What it says']}
        rows={status.hosts.map(({ host, heard, reachable, message, totalBytes, freeBytes, at }) => ({ key: host, cells: [host, <HostWord key="state" heard={heard} reachable={reachable} />, totalBytes === null || freeBytes === null ? NOTHING : <span key="free" className="whitespace-nowrap">{formatBytes(freeBytes)} of {formatBytes(totalBytes)}</span>, <Ago key="at" time={at} />, message || NOTHING] }))}
        empty="No host has said anything of it yet."
      />
    </Panel>
  )
}
