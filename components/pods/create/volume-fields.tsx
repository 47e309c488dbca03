'use client'
import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { formatBytes } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { IconButton } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { Input, Select } from '@/components/ui/input'
import { writeDraft, type DraftPath, type PodDraft } from '../draft'
import type { ContainerDraft } from '../draft-container'
import { freeName, newVolume, objectPath, type VolumeOfDraft } from '../draft-volumes'
import { problemAt, type Problems } from './problem-at'
import { Rows } from './rows'

type Props = { tenant: string; text: string; draft: PodDraft; problems: Problems; onChange: (next: string) => void }

/** The volumes of the pod that outlive it. One that is removed is removed from its containers, too. */
export function VolumeFields({ tenant, text, draft, problems, onChange }: Props) {
  const trpc = useTRPC()
  const volumes = useQuery(trpc.volume.list.queryOptions({ tenant, limit: 100 })).data?.items.map(({ metadata, status }) => ({ value: metadata.name, detail: formatBytes(status.sizeBytes) })) ?? []
  const claims = useQuery(trpc.volumeClaim.list.queryOptions({ tenant, namespace: draft.namespace, limit: 100 })).data?.items.map(({ metadata, status }) => ({ value: metadata.name, detail: status.phase })) ?? []
  const set = (path: DraftPath, value: unknown) => onChange(writeDraft(text, ['spec', 'volumes', ...path], value))
  return (
    <Rows
      title="Volumes"
      hint="Disks that outlive the pod. A container has one where a mount of it says so."
      add="Add volume"
      error={problemAt(problems, 'spec.volumes', true)}
      onAdd={() => set([draft.volumes.length], newVolume(freeName(draft.volumes), 'cinder'))}
      rows={draft.volumes.map(({ name, from, object }, i) => (
        <div key={i} className="flex items-center gap-2">
          {from === 'other'
            ? <span className="text-xs text-faint"><code className="font-mono">{name}</code> is edited as YAML</span>
            : (
              <>
                <span className="w-28 shrink-0"><Select aria-label={`Kind of volume ${i + 1}`} value={from} onChange={(event) => set([i], newVolume(name, event.target.value === 'cinder' ? 'cinder' : 'persistentVolumeClaim'))}><option value="cinder">Volume</option><option value="persistentVolumeClaim">Claim</option></Select></span>
                <span className="w-72 min-w-0"><Combobox aria-label={`${from === 'cinder' ? 'Volume' : 'Claim'} ${i + 1}`} mono placeholder="name" value={object} options={from === 'cinder' ? volumes : claims} onChange={(next) => set([i, ...objectPath(from)], next)} /></span>
              </>
            )}
          <IconButton label={`Remove volume ${object || name}`} icon={<X className="size-4" />} onClick={() => onChange(withoutVolume(text, draft, i))} />
        </div>
      ))}
    />
  )
}

function withoutVolume(text: string, { volumes, containers }: PodDraft, index: number): string {
  const gone = volumes[index]?.name
  // From the last on, so that what is removed moves nothing that is still to be.
  const mounts = containers.flatMap(({ mounts: of }, c) => of.flatMap(({ name }, m) => (name === gone ? [['spec', 'containers', c, 'volumeMounts', m] as const] : []))).toReversed()
  return [...mounts, ['spec', 'volumes', index] as const].reduce<string>((next, path) => writeDraft(next, path, undefined), text)
}

type MountProps = { container: ContainerDraft; volumes: readonly VolumeOfDraft[]; at: (...rest: (string | number)[]) => DraftPath; set: (path: DraftPath, value: unknown) => void; error: (field: string, deep?: boolean) => string | undefined }

/** Where a container has the pod's volumes. Without one there is nothing to mount. */
export function MountFields({ container, volumes, at, set, error }: MountProps) {
  if (volumes.length === 0 && container.mounts.length === 0) return null
  return (
    <Rows
      title="Mounts"
      add="Add mount"
      error={error('volumeMounts', true)}
      onAdd={() => set(at('volumeMounts', container.mounts.length), { name: volumes[0]?.name ?? '', mountPath: '/data' })}
      rows={container.mounts.map(({ name, mountPath }, i) => (
        <div key={i} className="flex items-center gap-2">
          <span className="w-44 min-w-0"><Select aria-label={`Volume of mount ${i + 1}`} value={name} onChange={(event) => set(at('volumeMounts', i, 'name'), event.target.value)}>{!volumes.some((each) => each.name === name) && <option value={name}>{name}</option>}{volumes.map((each) => <option key={each.name} value={each.name}>{each.object || each.name}</option>)}</Select></span>
          <Input aria-label={`Path of mount ${i + 1}`} mono className="max-w-72" value={mountPath} spellCheck={false} onChange={(event) => set(at('volumeMounts', i, 'mountPath'), event.target.value)} />
          <IconButton label={`Remove mount at ${mountPath}`} icon={<X className="size-4" />} onClick={() => set(at('volumeMounts', i), undefined)} />
        </div>
      ))}
    />
  )
}
