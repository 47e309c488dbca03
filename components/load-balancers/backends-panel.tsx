'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { BalancerDetail, BalancerServerNow } from '@/domain/load-balancer/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount, formatMilliseconds, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { healthLook } from './balancer-words'
import { liveServers, type LiveServer } from './live-servers'

/** A balancer's servers have no events: while they are shown, their host is asked. */
const askEveryMs = 3_000

/** Who takes connections now, as the balancer itself sees them: a panel for each service behind it. */
export function BackendsPanels({ tenant, balancer: { metadata, source, model, status, backends } }: { tenant: string; balancer: BalancerDetail }) {
  const trpc = useTRPC()
  const { namespace, name } = metadata
  const asked = status.host !== null && status.phase !== 'Pending' && backends.length > 0
  const { data, error, refetch } = useQuery({ ...trpc.loadBalancer.servers.queryOptions({ tenant, source, namespace, name }), enabled: asked, refetchInterval: askEveryMs, placeholderData: keepPreviousData, retry: false })
  if (backends.length === 0) return <Panel title="Backends"><p className="text-sm text-faint">{model === null ? (status.phase === 'Pending' ? 'It is being made: who is behind it is shown in a moment.' : 'Nothing is behind it: what it is asked to do cannot be carried out.') : 'Nothing is behind it yet: it has no rule that leads to a service.'}</p></Panel>
  const live = asked && !error ? (data?.servers ?? null) : null
  return (
    <>
      {asked && error && <FailureCallout failure={toFailure(error)} title="What the balancer itself says of its backends cannot be shown" onRetry={() => void refetch()} />}
      {backends.map((backend) => <BackendPanel key={backend.name} tenant={tenant} namespace={namespace} backend={backend} mode={model?.backends.find((one) => one.name === backend.name)?.mode ?? 'tcp'} live={live} />)}
    </>
  )
}

type BackendProps = { tenant: string; namespace: string; backend: BalancerDetail['backends'][number]; mode: 'tcp' | 'udp' | 'http'; live: readonly BalancerServerNow[] | null }

function BackendPanel({ tenant, namespace, backend, mode, live }: BackendProps) {
  const { service, port } = backend
  const shown = liveServers(backend, live)
  const all = backend.servers.length
  const up = all - (all > shown.length ? backend.servers.filter(({ health }) => health !== 'up').length : shown.filter(({ health }) => health !== 'up').length)
  const href = paths.service(tenant, namespace, service)
  const heads = ['Health', 'Pod', 'Address', 'Weight', ...(mode === 'udp' ? [] : ['Open', mode === 'http' ? 'Requests' : 'Connections', 'Errors', ...(mode === 'http' ? ['Answers after'] : []), 'Traffic', 'Since'])]
  return (
    <Panel
      title={`Backends: ${service}:${port}`}
      description={all > 0 ? <>{up} of {backend.servers.some(({ pod }) => pod !== null) ? formatCount(all, 'pod') : formatCount(all, 'address', 'addresses')} up{shown.length < all && `; ${shown.length} are shown, those that are not up first`}{mode === 'udp' && '. What passes of UDP is counted on the Figures tab, not for each pod'}</> : undefined}
      actions={<TextLink href={href}>Show service</TextLink>}
      flush
    >
      <SimpleTable
        label={`Backends of ${service}:${port}`}
        heads={heads}
        rows={shown.map((server) => ({ key: server.key, cells: [...whoCells(tenant, server), ...(mode === 'udp' ? [] : nowCells(server.now, mode))] }))}
        empty={<p>No pod of {service} is ready: clients of http get 503, and others no connection. <TextLink size="sm" href={href}>See which pods it selects</TextLink></p>}
      />
      {mode !== 'udp' && shown.some(({ now }) => now !== null) && <p className="border-t border-stroke px-4 py-2 text-xs text-faint">{mode === 'http' ? 'Requests' : 'Connections'}, errors and traffic are since the balancer’s own process began: it begins anew when rules or options change. The Figures tab has all of them.</p>}
    </Panel>
  )
}

const whoCells = (tenant: string, { key, health, note, pod, weight }: LiveServer) => [
  <span key="health" className="flex flex-col items-start"><StateBadge shape={healthLook[health].shape}>{healthLook[health].text}</StateBadge>{note !== null && <span className="whitespace-nowrap text-xs text-faint">{note}</span>}</span>,
  pod ? <TextLink key="pod" size="sm" href={paths.pod(tenant, pod.namespace, pod.name)} className="whitespace-nowrap">{pod.name}</TextLink> : <span key="pod" title="Written by hand">{NOTHING}</span>,
  <CopyableId key="address" id={key} />,
  <span key="weight" className="tabular-nums" title={weight === 0 ? 'It gets nothing new' : undefined}>{weight}{weight === 0 && <span className="ml-1.5 text-xs text-faint">nothing new</span>}</span>,
]

function nowCells(now: BalancerServerNow | null, mode: 'tcp' | 'http') {
  const cell = (key: string, text: string, title?: string) => <span key={key} className="whitespace-nowrap tabular-nums" title={title}>{text}</span>
  if (!now) return [...['open', 'total', 'errors', ...(mode === 'http' ? ['after'] : []), 'traffic', 'since'].map((key) => cell(key, NOTHING))]
  const errors = now.failed + now.errors5xx
  return [
    cell('open', now.connections.toLocaleString('en')),
    cell('total', now.total.toLocaleString('en')),
    cell('errors', errors.toLocaleString('en'), mode === 'http' ? `${now.errors5xx.toLocaleString('en')} answers of 5xx, ${now.failed.toLocaleString('en')} without an answer` : undefined),
    ...(mode === 'http' ? [cell('after', now.milliseconds === null ? NOTHING : now.milliseconds === 0 ? '< 1 ms' : formatMilliseconds(now.milliseconds), 'The mean of the last 1,024, from a request to the beginning of its answer')] : []),
    cell('traffic', `${formatBytes(now.receivedBytes)} in, ${formatBytes(now.sentBytes)} out`),
    <Ago key="since" time={now.since} />,
  ]
}
