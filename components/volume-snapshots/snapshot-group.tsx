'use client'
import { useQuery } from '@tanstack/react-query'
import { Copy, History, Trash2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Button } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { CloneGroup } from './clone-group'
import { DeleteGroup, RevertGroup } from './group-dialogs'
import { SnapshotState } from './snapshot-state'

type Verb = 'revert' | 'clone' | 'delete'
const notTaken = 'Not all of them are taken yet.'

/** Those that were taken together with a snapshot, and what can be done to all of them at once. */
export function SnapshotGroup({ tenant, name, group }: { tenant: string; name: string; group: string }) {
  const { data } = useQuery(useTRPC().volumeSnapshot.list.queryOptions({ tenant, group, limit: 100 }))
  const router = useRouter()
  const [asking, setAsking] = useState<Verb | null>(null)
  const members = data?.items.filter(({ status }) => status.phase !== 'Deleting')
  const others = data?.items.filter(({ metadata }) => metadata.name !== name)
  const isGroup = members !== undefined && members.length > 1
  const close = () => setAsking(null)
  return (
    <Panel title="Of the same instant" actions={isGroup && <GroupButtons members={members} onAsk={setAsking} />} flush>
      {!others ? <Skeleton className="m-4 h-12" /> : (
        <SimpleTable
          label="Snapshots of the same instant"
          heads={['Snapshot', 'State', 'Volume']}
          rows={others.map((each) => ({ key: each.metadata.uid, cells: [<TextLink key="name" size="sm" href={paths.volumeSnapshot(tenant, each.metadata.name)}>{each.metadata.name}</TextLink>, <SnapshotState key="state" snapshot={each} />, each.status.volume ? <TextLink key="volume" size="sm" href={paths.volumeTimeline(tenant, each.status.volume.name)}>{each.status.volume.name}</TextLink> : NOTHING] }))}
          empty="The others are gone."
        />
      )}
      {isGroup && asking === 'revert' && <RevertGroup tenant={tenant} name={name} group={group} members={members} onClose={close} />}
      {isGroup && asking === 'clone' && <CloneGroup tenant={tenant} group={group} count={members.length} onClose={close} onDone={() => router.push(paths.volumes(tenant))} />}
      {isGroup && asking === 'delete' && <DeleteGroup tenant={tenant} name={name} group={group} members={members} onClose={close} onDeleted={() => router.push(paths.volumeSnapshots(tenant))} />}
    </Panel>
  )
}

/** With this one: what each would do is said before it is done. */
function GroupButtons({ members, onAsk }: { members: readonly VolumeSnapshotView[]; onAsk: (verb: Verb) => void }) {
  const unready = members.every(({ status }) => status.phase === 'Ready') ? undefined : notTaken
  const noVolume = members.some(({ status }) => status.volume !== null) ? undefined : 'Their volumes are gone: make new ones of them.'
  return (
    <span className="flex flex-wrap gap-2">
      <Button size="sm" icon={<Copy className="size-3.5" />} disabledReason={unready} onClick={() => onAsk('clone')}>Clone all</Button>
      <Button size="sm" variant="danger-ghost" icon={<History className="size-3.5" />} disabledReason={unready ?? noVolume} onClick={() => onAsk('revert')}>Revert all</Button>
      <Button size="sm" variant="danger-ghost" icon={<Trash2 className="size-3.5" />} onClick={() => onAsk('delete')}>Delete all</Button>
    </span>
  )
}
