'use client'
import { useQuery } from '@tanstack/react-query'
import { Link2, Unlink } from 'lucide-react'
import Link from 'next/link'
import { useState, type ReactNode } from 'react'
import type { AttachmentView, VolumeView } from '@/domain/volume/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { Conditions } from '@/components/patterns/conditions'
import { EventsList } from '@/components/patterns/events-list'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { DetachVolume } from './detach-volume'
import { MadeOf } from './made-of'
import { UsageDetail } from './usage-bar'
import { PodLink } from './used-by'
import { useVolume } from './volume-frame'
import { useVolumeOffer } from './volume-quota'
import { AttachmentState, VolumeState } from './volume-state'
import { hotPlaces } from './volumes-of-pod'
import { accessText, heldLines, onFullText, problemOf } from './words'

/** What it is, how full it is, who has it, what bounds it, conditions and events. `children` is the form that stands over it. */
export function VolumeOverview({ children }: { children?: ReactNode }) {
  const { tenant, volume } = useVolume()
  const { metadata: { name }, status } = volume
  const trpc = useTRPC()
  const eventsInput = { tenant, kind: 'Volume', name, limit: 6 }
  const events = useQuery(trpc.event.list.queryOptions(eventsInput))
  useRefreshOnChanges('volume', { tenant }, trpc.event.list.queryKey(eventsInput))
  const problem = problemOf(status)
  const held = problem?.held
  const [forcing, setForcing] = useState<AttachmentView | null>(null)
  return (
    <>
      {problem && <Callout tone={problem.tone} title={problem.title} actions={held && <Button size="sm" onClick={() => setForcing(held)}>Detach by force</Button>}>{problem.message}</Callout>}
      {forcing && <DetachVolume tenant={tenant} volume={volume} attachment={forcing} byForce onClose={() => setForcing(null)} />}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <VolumeProperties />
          <Panel title="Conditions" flush><Conditions conditions={status.conditions} /></Panel>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Panel title="Use"><UsageDetail volume={volume} /></Panel>
          <Users />
          <Limits />
          <Panel title="Latest events" flush>{events.data ? <EventsList events={events.data.items} /> : <div className="h-17" />}</Panel>
        </div>
      </div>
      {children}
    </>
  )
}

function VolumeProperties() {
  const { tenant, operator, volume } = useVolume()
  const { metadata, spec, status } = volume
  return (
    <Panel title="Properties">
      <Properties>
        <Property name="State"><VolumeState volume={volume} /></Property>
        {status.reverting && <Property name="Goes back to"><GoesBackTo tenant={tenant} {...status.reverting} /></Property>}
        <Property name="Made of"><MadeOf tenant={tenant} source={spec.source} /></Property>
        <Property name="Content">{spec.volumeMode === 'Block' ? 'A block device' : status.formatted ?? `${spec.fsType ?? 'A file system'}, made when a first pod mounts it`}</Property>
        <Property name="Access">{accessText(spec.accessMode)} <span className="text-faint">· {spec.accessMode}</span></Property>
        <Property name="Class">{status.storageClass}</Property>
        {operator && <Property name="Store">{status.store}</Property>}
        {operator && <Property name="Host">{status.host ?? status.homeHost}</Property>}
        {status.claim && <Property name="Claim"><TextLink size="sm" href={paths.volumeClaim(tenant, status.claim.namespace, status.claim.name)}>{status.claim.namespace}/{status.claim.name}</TextLink></Property>}
        <Property name="Labels">{Object.keys(metadata.labels).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(metadata.labels).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
        <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
        <Property name="UID"><CopyableId id={metadata.uid} /></Property>
      </Properties>
      {status.phase !== 'Deleted' && <p className="mt-3 text-xs text-faint">A pod’s manifest names it by its UID or name: <code className="font-mono">cinder: {'{'}volumeID: {metadata.name}{'}'}</code></p>}
    </Panel>
  )
}

/** To which snapshot it goes, and what comes before. */
function GoesBackTo({ tenant, snapshot, keptFirst }: NonNullable<VolumeView['status']['reverting']> & { tenant: string }) {
  const link = (name: string) => <TextLink size="sm" href={paths.volumeSnapshot(tenant, name)}>{name}</TextLink>
  return <span>{link(snapshot)}{keptFirst !== null && <span className="text-faint">, once what it has now is in {link(keptFirst)}</span>}</span>
}

/** Who has it, or waits for it. */
function Users() {
  const { tenant, volume } = useVolume()
  const { metadata: { name }, status: { attachments, phase } } = volume
  const [detaching, setDetaching] = useState<AttachmentView | null>(null)
  return (
    <Panel title="Pods" flush>
      <SimpleTable
        label="Pods that have this volume"
        heads={['Pod', 'State', <span key="mounted" className="max-sm:sr-only">Mounted</span>, <span key="actions" className="sr-only">Actions</span>]}
        rows={attachments.map((attachment) => ({
          key: attachment.podUid,
          cells: [
            // In a narrow window a row has room for its pod with where that has it, its state and what can be done.
            <span key="pod" className="flex flex-col max-sm:max-w-28"><PodLink tenant={tenant} pod={attachment.pod} /><span className="whitespace-normal text-xs sm:hidden"><Mounted attachment={attachment} /></span></span>,
            <AttachmentState key="state" attachment={attachment} />,
            <span key="mounted" className="max-sm:hidden"><Mounted attachment={attachment} /></span>,
            <span key="actions" className="flex justify-end"><Button size="sm" icon={<Unlink className="size-3.5" />} onClick={() => setDetaching(attachment)}><span className="max-sm:sr-only">Detach</span></Button></span>,
          ],
        }))}
        empty={phase === 'Deleted' ? 'No pod has it.' : <span className="flex flex-col items-center gap-3"><span>No pod has it.</span>{phase !== 'Failed' && phase !== 'Lost' && <ButtonLink href={paths.attachVolume(tenant, name)} icon={<Link2 className="size-4" />}>Attach to a pod</ButtonLink>}</span>}
      />
      {detaching && <DetachVolume tenant={tenant} volume={volume} attachment={detaching} onClose={() => setDetaching(null)} />}
    </Panel>
  )
}

/** Where containers have it: of one that came while the pod ran, for the manifest of another says that. */
function Mounted({ attachment }: { attachment: AttachmentView }) {
  const { hot, readOnly } = attachment
  const places = hotPlaces(attachment)
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      {hot && places.length > 0 ? <span className="flex flex-col">{places.map(({ container, path }) => <span key={`${container} ${path}`}><code className="font-mono text-xs">{path}</code> <span className="text-faint">in {container}</span></span>)}</span> : hot ? 'While it runs' : 'By its manifest'}
      {readOnly && <Badge>read only</Badge>}
    </span>
  )
}

/** The limits that hold: of its own and its class's the lower. */
function Limits() {
  const { tenant, volume: { metadata: { name }, spec, status } } = useVolume()
  const ofClass = useVolumeOffer(tenant).data?.classes.find((each) => each.name === status.storageClass)?.spec
  const lines = status.limits && heldLines(status.limits, spec.limits)
  const onFull = spec.onFull ?? ofClass?.onFull
  return (
    <Panel title="Limits" actions={status.phase !== 'Deleted' && <Link href={paths.volumeLimits(tenant, name)} className="inline-flex h-6 items-center text-xs text-accent-content hover:underline">Set limits</Link>}>
      <Properties>
        {lines && <Property name="Speed">{lines.length > 0 ? <span className="flex flex-col">{lines.map(({ text, note }) => <span key={text}>{text}{note && <span className="text-faint"> · {note}</span>}</span>)}</span> : <span className="text-faint">{NOTHING} as fast as its store is</span>}</Property>}
        <Property name="Store full">{onFull && <>{onFullText(onFull)}{spec.onFull === undefined && <span className="text-faint"> · of its class</span>}</>}</Property>
      </Properties>
    </Panel>
  )
}
