'use client'
import { useQuery } from '@tanstack/react-query'
import { Link2 } from 'lucide-react'
import { useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { ChooseVolume } from './choose-volume'
import { UsageCell } from './usage-bar'
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
      {/* As high as one row, or as the words for none. */}
      {!data ? <div className="h-17" /> : (
        <SimpleTable
          label="Volumes of this pod"
          heads={['Volume', 'State', 'Used', 'Mounted']}
          rows={volumesOfPod(pod, data.items).map((row) => ({ key: row.key, cells: [<VolumeName key="name" tenant={tenant} namespace={namespace} row={row} />, <RowState key="state" row={row} />, row.volume ? <UsageCell key="use" volume={row.volume} /> : NOTHING, <Mounted key="mounted" row={row} />] }))}
          empty="None: what it writes is gone with it."
        />
      )}
      {attaching && (
        <ChooseVolume
          tenant={tenant}
          title="Attach a volume"
          go="Choose where"
          hint="One that no other pod has"
          may={({ status, spec }) => status.attachments.length === 0 || spec.accessMode === 'ReadOnlyMany'}
          hrefOf={(volume) => paths.attachVolume(tenant, volume, { pod: `${namespace}/${name}` })}
          onClose={() => setAttaching(false)}
        />
      )}
    </Panel>
  )
}

function VolumeName({ tenant, namespace, row: { named, volume } }: { tenant: string; namespace: string; row: PodVolume }) {
  if (volume) return <TextLink size="sm" href={paths.volume(tenant, volume.metadata.name)}>{volume.metadata.name}</TextLink>
  return named?.kind === 'PersistentVolumeClaim' ? <TextLink size="sm" href={paths.volumeClaim(tenant, namespace, named.name)}>claim {named.name}</TextLink> : <code className="font-mono text-xs">{named?.name ?? NOTHING}</code>
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
