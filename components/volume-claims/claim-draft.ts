import { z } from 'zod'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import { claimedBytes, volumeClaimSpec, type VolumeClaimSpec } from '@/domain/volume-claim/spec'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { sizeText } from '@/components/volumes/volume-draft'

/** A new claim as its form has it. Empty text says nothing. `made`: a volume is made for it; else it takes `volume`, which is there. */
export type ClaimDraft = { name: string; namespace: string; made: 'made' | 'taken'; size: string; storageClass: string; volume: string; mode: 'ReadWriteOnce' | 'ReadOnlyMany'; volumeMode: 'Filesystem' | 'Block'; from: string }

export const newClaimDraft = (): ClaimDraft => ({ name: '', namespace: 'default', made: 'made', size: '10Gi', storageClass: '', volume: '', mode: 'ReadWriteOnce', volumeMode: 'Filesystem', from: '' })

/** What is sent. `from`: a snapshot that it is made of. */
export function claimSpecOf({ made, size, storageClass, volume, mode, volumeMode, from }: ClaimDraft): z.input<typeof volumeClaimSpec> {
  return {
    accessModes: [mode],
    volumeMode,
    resources: { requests: { storage: sizeText(size) } },
    ...(made === 'taken' ? { volumeName: volume.trim() } : { ...(storageClass && { storageClassName: storageClass }), ...(from.trim() && { dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot' as const, name: from.trim() } }) }),
  }
}

/** The form's field of a path as the server or the spec writes it. */
export function claimFieldOf(path: string): string {
  const field = path.replace(/^spec\.?/, '')
  if (field.startsWith('resources')) return 'size'
  if (field.startsWith('accessModes')) return 'mode'
  if (field.startsWith('dataSource')) return 'from'
  return { volumeName: 'volume', storageClassName: 'storageClass' }[field] ?? field
}

/** The same rules as the server's, a problem at each field that has one. */
export const claimDraftSchema = z.custom<ClaimDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsSubdomain.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  const namespace = dnsLabel.safeParse(draft.namespace).error?.issues[0]?.message
  if (namespace) problem('namespace', namespace)
  if (draft.made === 'taken' && !draft.volume.trim()) return problem('volume', 'choose a volume')
  for (const { path, message } of volumeClaimSpec.safeParse(claimSpecOf(draft)).error?.issues ?? []) problem(claimFieldOf(path.map(String).join('.')), message)
})

/** What a claim has to ask more than, in bytes: what it asks for, and what its volume has already. */
export const leastGrowth = ({ spec, status }: Pick<VolumeClaimView, 'spec' | 'status'>): number => Math.max(claimedBytes(spec), status.capacityBytes ?? 0)
/** The same claim, asking for another size. */
export const grownSpecOf = (spec: VolumeClaimSpec, storage: string): VolumeClaimSpec => ({ ...spec, resources: { requests: { storage } } })
