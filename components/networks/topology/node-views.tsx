'use client'
import { Cable, ChevronDown, ChevronRight, Globe, Link2, Network, Route, Split, Waypoints } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { cn } from '@/components/ui/cn'
import { Progress } from '@/components/ui/progress'
import { StateMark } from '@/components/ui/state-badge'
import { usedOf } from '../capacity'
import { inGroup, type TopologyNode } from './graph'
import type { Group, TopologyPod } from './groups'
import { countLooks, lookOf } from './pod-look'
import { nodeName, outsideWords, podName } from './words'

type Of<K extends TopologyNode['kind']> = Extract<TopologyNode, { kind: K }>
/** The network that is drawn, and how a group is opened. */
export type Canvas = { tenant: string; network: string; onToggle: (group: string) => void }

const card = 'flex h-full w-full flex-col justify-center overflow-hidden rounded-md border bg-raise px-3 text-left'
const borders = { plain: 'border-stroke-strong hover:border-stroke-control', failed: 'border-error', open: 'border-dashed border-notice' } as const
const linkCard = (border: keyof typeof borders = 'plain') => cn(card, borders[border], 'hover:bg-hover focus-visible:outline-offset-1')
const mono = 'truncate font-mono text-2xs text-faint'

function Title({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return <span className="flex min-w-0 items-center gap-1.5 text-sm font-medium [&_svg]:size-3.5 [&_svg]:shrink-0 [&_svg]:text-faint">{icon}<span className="truncate">{children}</span></span>
}

/** What one node of the drawing shows. Its size is the graph's. */
export function NodeView({ node, canvas }: { node: TopologyNode; canvas: Canvas }) {
  switch (node.kind) {
    case 'outside': return <div className={cn(card, node.outbound === 'nat' ? 'border-stroke-strong' : 'border-dashed border-stroke-control')}><Title icon={<Globe />}>{outsideWords(node.outbound, node.ways).title}</Title><span className="truncate text-2xs text-faint">{outsideWords(node.outbound, node.ways).detail}</span></div>
    case 'address': return <AddressView node={node} canvas={canvas} />
    case 'balancer': return <BalancerView node={node} canvas={canvas} />
    case 'peer': return <PeerView node={node} canvas={canvas} />
    case 'network': return <NetworkView node={node} />
    case 'box': return <BoxView node={node} />
    case 'pod': return <PodView node={node} canvas={canvas} />
    case 'group': return <GroupView group={node.group} canvas={canvas} />
    case 'service': return <ServiceView node={node} canvas={canvas} />
    case 'more': return <Link draggable={false} href={node.of === 'service' ? paths.services(canvas.tenant, { network: canvas.network }) : node.of === 'balancer' ? paths.loadBalancers(canvas.tenant) : paths.floatingAddresses(canvas.tenant)} className={cn(linkCard(), 'text-xs text-soft')}>{nodeName(node)}</Link>
    case 'route': return <div className={cn(card, node.known ? 'border-stroke-strong' : 'border-dashed border-notice')}><Title icon={<Route />}><code className="font-mono text-xs">{node.route.destination}</code></Title><span className={mono}>{node.known ? 'via' : 'no pod holds'} {node.route.via}</span></div>
  }
}

function PeerView({ node: { peer, ...node }, canvas }: { node: Of<'peer'>; canvas: Canvas }) {
  return (
    <Link draggable={false} href={paths.networkPeerings(canvas.tenant, canvas.network)} aria-label={nodeName({ peer, ...node })} className={linkCard(peer.active ? 'plain' : 'open')}>
      <Title icon={<Cable />}>{peer.network}</Title>
      <span className="truncate text-2xs text-faint">{peer.active ? 'Peer' : 'Peer, not active'}{peer.tenant && peer.tenant !== canvas.tenant && ` · ${peer.tenant}`}</span>
    </Link>
  )
}

function AddressView({ node: { address, ...node }, canvas }: { node: Of<'address'>; canvas: Canvas }) {
  return (
    <Link draggable={false} href={paths.floatingAddress(canvas.tenant, address.name)} aria-label={nodeName({ address, ...node })} className={linkCard(address.active ? 'plain' : 'open')}>
      <Title icon={<Link2 />}>{address.name}</Title>
      <span className={mono}>{address.address}</span>
    </Link>
  )
}

const balancerBorders = { Active: 'plain', Degraded: 'open', Pending: 'open', Failed: 'failed' } as const

function BalancerView({ node: { balancer, ...node }, canvas }: { node: Of<'balancer'>; canvas: Canvas }) {
  return (
    <Link draggable={false} href={paths.loadBalancer(canvas.tenant, balancer.source, balancer.namespace, balancer.name)} aria-label={nodeName({ balancer, ...node })} className={linkCard(balancerBorders[balancer.phase])}>
      <span className="flex min-w-0 items-center gap-1.5"><Split className="size-3.5 shrink-0 text-faint" aria-hidden /><span className="truncate text-sm font-medium">{balancer.name}</span><span className="ml-auto shrink-0 text-2xs text-faint">{balancer.phase === 'Active' ? formatCount(balancer.pods.length, 'pod') : balancer.phase}</span></span>
      <span className={mono}>balancer{balancer.listeners.length > 0 && ` · ${balancer.listeners.join(' ')}`}</span>
    </Link>
  )
}

function NetworkView({ node: { network, gateways } }: { node: Of<'network'> }) {
  const lines: ReadonlyArray<[string, string]> = [['Gateway', `${gateways[0] ?? NOTHING}${gateways.length > 1 ? ` + ${gateways.length - 1}` : ''}`], ['Services', network.serviceCIDRs.join(' ') || NOTHING], ['DNS', network.domain], ['MTU', `${network.mtu} B`]]
  return (
    <div className={cn(card, 'gap-1 border-accent')}>
      <Title icon={<Network />}>{network.name}</Title>
      <dl className="grid grid-cols-[52px_minmax(0,1fr)] gap-x-2 text-2xs">
        {lines.map(([name, value]) => <div key={name} className="col-span-2 grid grid-cols-subgrid"><dt className="text-faint">{name}</dt><dd className="truncate font-mono text-soft" title={value}>{value}</dd></div>)}
      </dl>
    </div>
  )
}

function BoxView({ node: { subnet, beside, pods } }: { node: Of<'box'> }) {
  const full = subnet.total > 0 && subnet.used / subnet.total > 0.9
  return (
    <div className="h-full w-full rounded-lg border border-stroke bg-surface px-3 pt-2">
      <div className="flex items-baseline justify-between gap-2">
        <span className="truncate text-sm font-medium">{subnet.name}</span>
        <code className={mono}>{subnet.cidr}</code>
      </div>
      <div className="mt-1 flex items-center gap-2">
        <Progress label={`Addresses used in ${subnet.name}`} value={subnet.used} max={subnet.total} tone={full ? 'notice' : 'accent'} className="h-1 flex-1" />
        <span className="text-2xs text-faint">{usedOf(subnet.used, subnet.total)}</span>
      </div>
      {beside.map((other) => <div key={other.name} className="flex h-[18px] items-baseline justify-between gap-2 text-2xs text-faint"><span className="truncate">and {other.name}</span><code className={mono}>{other.cidr}</code></div>)}
      {pods === 0 && <p className="mt-2.5 text-center text-2xs text-faint">No pods</p>}
    </div>
  )
}

const hrefOf = (tenant: string, { namespace, name }: TopologyPod) => paths.pod(tenant, namespace, name)

function PodView({ node: { pod, services }, canvas }: { node: Of<'pod'>; canvas: Canvas }) {
  const look = lookOf(pod)
  return (
    <Link draggable={false} href={hrefOf(canvas.tenant, pod)} aria-label={podName(pod, services)} className={linkCard(look.shape === 'failed' ? 'failed' : 'plain')}>
      <span className="flex min-w-0 items-center gap-1.5"><StateMark shape={look.shape} /><span className="truncate text-sm font-medium">{pod.name}</span>{look.word !== 'Running' && <span className="ml-auto shrink-0 text-2xs text-faint">{look.word}</span>}</span>
      <span className={mono}>{pod.addresses.map(({ address }) => address).join('  ') || NOTHING}</span>
    </Link>
  )
}

function GroupView({ group: { id, title, pods, open }, canvas }: { group: Group; canvas: Canvas }) {
  const shown = pods.slice(0, inGroup.most)
  const looks = countLooks(pods)
  const others = looks.slice(2).reduce((sum, { count }) => sum + count, 0)
  const Arrow = open ? ChevronDown : ChevronRight
  return (
    <div className="h-full w-full overflow-hidden rounded-md border border-stroke-strong bg-raise">
      <button type="button" aria-expanded={open} onClick={() => canvas.onToggle(id)} className="flex h-[50px] w-full flex-col justify-center px-3 text-left hover:bg-hover focus-visible:-outline-offset-2">
        <span className="flex w-full min-w-0 items-center gap-1.5"><Arrow className="size-3.5 shrink-0 text-faint" aria-hidden /><span className="truncate text-sm font-medium">{title}</span><span className="ml-auto shrink-0 text-xs text-soft">{formatCount(pods.length, 'pod')}</span></span>
        <span className="flex max-w-full gap-2.5 overflow-hidden whitespace-nowrap pl-5 text-2xs text-faint">{looks.slice(0, 2).map(({ word, shape, count }) => <span key={word} className="inline-flex items-center gap-1"><StateMark shape={shape} className="size-2.5" />{count} {word}</span>)}{others > 0 && <span>{others} other</span>}</span>
      </button>
      {open && (
        <ul className="grid grid-cols-2 gap-x-1 px-1.5">
          {shown.map((pod) => (
            <li key={pod.uid} className="min-w-0">
              <Link draggable={false} href={hrefOf(canvas.tenant, pod)} aria-label={podName(pod, [])} className="flex h-[26px] min-w-0 items-center gap-1.5 rounded-sm px-1.5 text-xs hover:bg-hover focus-visible:-outline-offset-2">
                <StateMark shape={lookOf(pod).shape} className="size-2.5" /><span className="truncate">{pod.name}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {open && pods.length > shown.length && <Link draggable={false} href={paths.networkPods(canvas.tenant, canvas.network)} className="flex h-6 items-center px-3 text-xs text-accent-content hover:underline focus-visible:-outline-offset-2">{formatCount(pods.length - shown.length, 'more pod')}</Link>}
    </div>
  )
}

function ServiceView({ node: { service, ...node }, canvas }: { node: Of<'service'>; canvas: Canvas }) {
  return (
    <Link draggable={false} href={paths.service(canvas.tenant, service.namespace, service.name)} aria-label={nodeName({ service, ...node })} className={linkCard(service.externalName === null && service.pods.length === 0 ? 'open' : 'plain')}>
      <span className="flex min-w-0 items-center gap-1.5"><Waypoints className="size-3.5 shrink-0 text-faint" aria-hidden /><span className="truncate text-sm font-medium">{service.name}</span><span className="ml-auto shrink-0 text-2xs text-faint">{service.externalName === null ? formatCount(service.pods.length, 'pod') : 'name elsewhere'}</span></span>
      <span className={mono}>{service.externalName ?? service.addresses[0] ?? 'headless'}{service.ports.length > 0 && ` · ${service.ports.join(' ')}`}</span>
    </Link>
  )
}
