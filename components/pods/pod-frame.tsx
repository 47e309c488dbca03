'use client'
import { useQuery } from '@tanstack/react-query'
import { Globe } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { createContext, lazy, Suspense, use, useMemo, useState, type ReactNode } from 'react'
import { podActions } from '@/domain/pod/transitions'
import type { PodView } from '@/domain/pod/view'
import { useOfferActions, type Action } from '@/components/client/actions'
import { isMissing, type Failure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { TabLinks } from '@/components/ui/tab-links'
import { podActionsFor } from './pod-actions'
import { PodStateBadge } from './pod-state'
import { usePodWatch } from './use-pod-watch'

const SuccessorNote = lazy(() => import('./recreate/successor-note').then((module) => ({ default: module.SuccessorNote })))
const DeletePod = lazy(() => import('./delete-pod').then((module) => ({ default: module.DeletePod })))
const ExposePod = lazy(() => import('@/components/load-balancers/expose-pod').then((module) => ({ default: module.ExposePod })))
const PodContext = createContext<{ tenant: string; pod: PodView } | null>(null)

/** The pod whose tab is shown. */
export function usePod() {
  const value = use(PodContext)
  if (!value) throw new Error('A pod’s tab stands outside its frame.')
  return value
}

type PodFrameProps = { tenant: string; namespace: string; name: string; children: ReactNode }

/** Header and tabs of one pod; the tabs below read it from here. It stays when the pod goes, and says so. */
export function PodFrame({ tenant, namespace, name, children }: PodFrameProps) {
  const trpc = useTRPC()
  const pod = useQuery(trpc.pod.get.queryOptions({ tenant, namespace, name }))
  const stopped = usePodWatch({ tenant, namespace, name })
  if (pod.data) return <Loaded tenant={tenant} pod={pod.data} gone={isMissing(pod.error)} stopped={stopped}>{children}</Loaded>
  if (pod.error && !isMissing(pod.error)) return <QueryFailure error={pod.error} title={`Pod ${name} cannot be shown`} onRetry={() => void pod.refetch()} />
  if (pod.error) return (
    <div className="flex flex-col gap-4">
      <Suspense fallback={null}><SuccessorNote tenant={tenant} namespace={namespace} name={name} /></Suspense>
      <EmptyState title={`No pod “${name}” in namespace “${namespace}”`}>It was deleted, or it never existed.</EmptyState>
    </div>
  )
  return <div className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-4 w-96" /></div>
}

/** Four as buttons, the others in the menu; the YAML has a tab. */
const buttons = ['terminal', 'logs', 'expose', 'delete']
const headerActions = (actions: readonly Action[]) => [...actions.filter(({ id }) => buttons.includes(id)), ...actions.filter(({ id }) => !buttons.includes(id) && id !== 'yaml')]

const tabsOf = (...at: readonly [tenant: string, namespace: string, name: string]) => [
  { href: paths.pod(...at), label: 'Overview' },
  { href: paths.podFigures(...at), label: 'Figures' },
  { href: paths.podLogs(...at), label: 'Logs' },
  { href: paths.podTerminal(...at), label: 'Terminal' },
  { href: paths.podFiles(...at), label: 'Files' },
  { href: paths.podPorts(...at), label: 'Ports' },
  { href: paths.podEvents(...at), label: 'Events' },
  { href: paths.podYaml(...at), label: 'YAML' },
]

type LoadedProps = { tenant: string; pod: PodView; gone: boolean; stopped: Failure | null; children: ReactNode }

function Loaded({ tenant, pod, gone, stopped, children }: LoadedProps) {
  const router = useRouter()
  const [deleting, setDeleting] = useState(false)
  const { namespace, name } = pod.metadata
  const query = useQueryString()
  const actions = useMemo(() => {
    const expose: Action = { id: 'expose', label: 'Expose pod', icon: <Globe className="size-4" />, run: () => window.history.pushState(null, '', '?expose=1'), disabledReason: pod.metadata.deletionTimestamp ? 'The pod is being deleted.' : undefined }
    return gone ? [] : headerActions(podActionsFor(tenant, pod, () => setDeleting(true)).toSpliced(-1, 0, expose))
  }, [tenant, pod, gone])
  useOfferActions(name, actions)
  const at = [tenant, namespace, name] as const
  const tabs = tabsOf(...at)
  const step = (by: number) => {
    const shown = tabs.findIndex((tab) => tab.href === location.pathname)
    const next = tabs[(shown + by + tabs.length) % tabs.length]
    if (next) router.push(next.href)
  }
  useShortcut(']', 'Next tab of the pod', () => step(1))
  useShortcut('[', 'Previous tab of the pod', () => step(-1))
  useShortcut('e', 'Edit and re-create the pod', () => { if (podActions.recreate(pod) === null && !gone) router.push(paths.podYaml(...at, { edit: '1' })) })
  const context = useMemo(() => ({ tenant, pod }), [tenant, pod])
  return (
    <>
      <PageHeader
        title={name}
        beside={gone ? <Badge>Deleted</Badge> : <PodStateBadge pod={pod} />}
        status={!stopped && <LiveBadge />}
        actions={actions}
        prominent={buttons.length}
        tabs={<TabLinks label={`Pod ${name}`} tabs={tabs} />}
      />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4">
        {gone && <Callout title="This pod is gone" actions={<Button size="sm" onClick={() => router.push(paths.pods(tenant))}>Show pods</Button>}>What is shown here is its last state.</Callout>}
        {(gone || pod.metadata.deletionTimestamp) && <Suspense fallback={null}><SuccessorNote key={String(gone)} tenant={tenant} namespace={namespace} name={name} /></Suspense>}
        {stopped && !gone && <FailureCallout failure={stopped} title="Changes of this pod are not followed any more" />}
        <PodContext value={context}>{children}</PodContext>
      </div>
      <Suspense fallback={null}>{query.get('expose') === '1' && !gone && <ExposePod tenant={tenant} pod={pod} onClose={() => query.replace({ expose: null })} />}</Suspense>
      <Suspense fallback={null}>{deleting && <DeletePod tenant={tenant} pod={pod} onClose={() => setDeleting(false)} />}</Suspense>
    </>
  )
}
