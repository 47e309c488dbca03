'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import type { VolumeView } from '@/domain/volume/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Exact } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteVolume } from './delete-volume'
import { RestoreVolume } from './restore-volume'
import { StopRevert } from './stop-revert'
import { volumeActionsFor } from './volume-actions'
import { VolumeState } from './volume-state'

const VolumeContext = createContext<{ tenant: string; operator: boolean; volume: VolumeView } | null>(null)

/** The volume whose tab is shown. */
export function useVolume() {
  const value = use(VolumeContext)
  if (!value) throw new Error('A volume’s tab stands outside its frame.')
  return value
}

const tabsOf = (tenant: string, name: string) => [
  { href: paths.volume(tenant, name), label: 'Overview', under: [paths.attachVolume(tenant, name), paths.growVolume(tenant, name), paths.volumeLimits(tenant, name), paths.renameVolume(tenant, name)] },
  { href: paths.volumeTimeline(tenant, name), label: 'Snapshots', under: [paths.takeSnapshot(tenant, name)] },
  { href: paths.volumeFigures(tenant, name), label: 'Figures' },
  { href: paths.volumeYaml(tenant, name), label: 'YAML' },
]

/** Header and tabs of one volume; the tabs below read it from here. It follows its volume, the pods that have it, and its snapshots. */
export function VolumeFrame({ tenant, name, operator, children }: { tenant: string; name: string; operator: boolean; children: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const volume = useQuery(trpc.volume.get.queryOptions({ tenant, name }))
  useRefreshOnChanges('volume', { tenant }, trpc.volume.get.queryKey({ tenant, name }))
  const [asking, setAsking] = useState<'delete' | 'restore' | 'stopRevert' | null>(null)
  const { data } = volume
  const actions = useMemo(() => (data ? volumeActionsFor(tenant, data, { onDelete: () => setAsking('delete'), onRestore: () => setAsking('restore'), onStopRevert: () => setAsking('stopRevert') }).filter(({ id }) => id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const context = useMemo(() => (data ? { tenant, operator, volume: data } : null), [tenant, operator, data])
  if (volume.error && (!data || isMissing(volume.error))) return isMissing(volume.error) ? <EmptyState title={`No volume “${name}”`}>It was removed for good, was given another name, or never existed.</EmptyState> : <QueryFailure error={volume.error} title={`Volume ${name} cannot be shown`} onRetry={() => void volume.refetch()} />
  if (!data || !context) return <div className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-4 w-96" /></div>
  return (
    <>
      <PageHeader title={name} beside={<><VolumeState volume={data} /><Badge>{data.status.storageClass}</Badge></>} status={<LiveBadge />} actions={actions} prominent={3} tabs={<TabLinks label={`Volume ${name}`} tabs={tabsOf(tenant, name)} />} />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4">
        {data.status.phase === 'Deleted' && (data.status.restorableUntil === null ? <Callout tone="notice" title="It is being removed for good">{data.status.conditions.find(({ reason }) => reason === 'Purging')?.message ?? 'It counts towards the quota until it is gone.'}</Callout> : <Callout tone="notice" title="It is deleted" actions={<Button size="sm" onClick={() => setAsking('restore')}>Restore volume</Button>}>All that is on it stays until <Exact time={data.status.restorableUntil} />, and counts towards the quota until then.</Callout>)}
        <VolumeContext value={context}>{children}</VolumeContext>
      </div>
      {asking === 'delete' && <DeleteVolume tenant={tenant} volume={data} onClose={() => setAsking(null)} onDone={() => router.push(paths.volumes(tenant))} />}
      {asking === 'stopRevert' && <StopRevert tenant={tenant} volume={data} onClose={() => setAsking(null)} />}
      {asking === 'restore' && <RestoreVolume tenant={tenant} volume={data} onClose={() => setAsking(null)} onDone={(restored) => router.push(paths.volume(tenant, restored))} />}
    </>
  )
}
