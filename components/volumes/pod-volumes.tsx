'use client'
import { useQuery } from '@tanstack/react-query'
import { Link2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { UsageCell } from './usage-bar'
import { VolumeField } from './volume-field'
import { AttachmentState, VolumeState } from './volume-state'
import { volumesOfPod, type PodVolume } from './volumes-of-pod'

/** The volumes of a pod that outlive it, and a way to one more. */
export function PodVolumes({ tenant, pod }: { tenant: string; pod: PodView }) {
  const trpc = useTRPC()
  const { namespace, name } = pod.metadata
  const input = { tenant, pod: { namespace, name } } as const
  const { data } = useQuery(trpc.volume.list.queryOptions(input))
  useRefreshOnChanges('volume', { tenant }, trpc.volume.list.queryKey(input))
  const [attaching, setAttaching] = useState(false)
  const runs = pod.status.phase === 'Running'
  return (
    <Panel title="Volumes" description="which outlive it" flush actions={<Button size="sm" icon={<Link2 className="size-3.5" />} disabledReason={runs ? undefined : 'The pod does not run: a new one has volumes from its start by its manifest.'} onClick={() => setAttaching(true)}>Attach volume</Button>}>
      {data && (
        <SimpleTable
          label="Volumes of this pod"
          heads={['Volume', 'State', 'Used', 'Mounted']}
          rows={volumesOfPod(pod, data.items).map((row) => ({ key: row.key, cells: [<VolumeName key="name" tenant={tenant} row={row} />, <RowState key="state" row={row} />, row.volume ? <UsageCell key="use" volume={row.volume} /> : NOTHING, <Mounted key="mounted" row={row} />] }))}
          empty="None: what it writes is gone with it."
        />
      )}
      {attaching && <ChooseVolume tenant={tenant} pod={`${namespace}/${name}`} onClose={() => setAttaching(false)} />}
    </Panel>
  )
}

function VolumeName({ tenant, row: { named, volume } }: { tenant: string; row: PodVolume }) {
  if (volume) return <TextLink size="sm" href={paths.volume(tenant, volume.metadata.name)}>{volume.metadata.name}</TextLink>
  return named?.kind === 'PersistentVolumeClaim' ? <TextLink size="sm" href={paths.volumeClaims(tenant, { q: named.name })}>claim {named.name}</TextLink> : <code className="font-mono text-xs">{named?.name ?? NOTHING}</code>
}

function RowState({ row: { attachment, volume, named } }: { row: PodVolume }) {
  if (attachment) return <span className="inline-flex flex-wrap items-center gap-x-2"><AttachmentState attachment={attachment} />{attachment.message && <span className="text-xs text-faint">{attachment.message}</span>}</span>
  if (volume) return <VolumeState volume={volume} />
  return <span className="text-notice-content">{named?.kind === 'PersistentVolumeClaim' ? 'The claim has no volume yet' : 'There is no such volume'}</span>
}

const Mounted = ({ row: { named, places, readOnly } }: { row: PodVolume }) => (
  <span className="inline-flex flex-wrap items-center gap-x-2">
    {named === null && <Badge>while it runs</Badge>}
    {places.length > 0 ? <code className="font-mono text-xs">{places.join(', ')}</code> : <span className="text-faint">in no container</span>}
    {readOnly && <Badge>read only</Badge>}
  </span>
)

/** Which volume; the form of it asks for the rest. */
function ChooseVolume({ tenant, pod, onClose }: { tenant: string; pod: string; onClose: () => void }) {
  const router = useRouter()
  const [volume, setVolume] = useState('')
  const name = volume.trim()
  const go = () => { if (name) router.push(paths.attachVolume(tenant, name, { pod })) }
  return (
    <Dialog title="Attach a volume" onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" disabledReason={name ? undefined : 'Choose a volume first.'} onClick={go}>Choose where</Button></>}>
      <form className="flex flex-col gap-3" onSubmit={(event) => { event.preventDefault(); go() }}>
        <VolumeField tenant={tenant} value={volume} error={undefined} onChange={setVolume} may={({ status, spec }) => spec.volumeMode === 'Filesystem' && (status.attachments.length === 0 || spec.accessMode === 'ReadOnlyMany')} hint={() => 'One that no other pod has'} focus />
        <TextLink href={paths.newVolume(tenant)}>Create a volume instead</TextLink>
      </form>
    </Dialog>
  )
}
