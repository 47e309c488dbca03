import { z } from 'zod'
import { bytesQuantity } from '@/domain/shared/quantity'
import { dnsSubdomain } from '@/domain/shared/names'
import { volumeSpec, type VolumeSource, type VolumeSpec } from '@/domain/volume/spec'
import { addLimitProblems, limitFieldOf, limitNames, limitsOf, noLimits, type LimitsDraft, type OnFullChoice } from './limits-draft'

export const sourceKinds = ['Blank', 'Snapshot', 'Volume', 'Image', 'Upload'] as const
/** A new volume as its form has it. Empty text says nothing. `file`: the archive that is sent first; `upload`: the id of one that was sent before. */
export type VolumeDraft = LimitsDraft & { name: string; size: string; storageClass: string; source: VolumeSource['kind']; snapshot: string; volume: string; image: string; file: File | null; upload: string; /** The size was typed: no source gives it any more. */ sized: boolean; accessMode: VolumeSpec['accessMode']; volumeMode: VolumeSpec['volumeMode']; fsType: '' | 'ext4' | 'xfs'; onFull: OnFullChoice }

const usualSize = (source: VolumeSource['kind']): string => (source === 'Snapshot' || source === 'Volume' ? '' : '10Gi')

/** The size that a draft has once it is made of something: as much as that has (bytes; null: not known), until another one is typed. */
export const sizeWith = ({ size, sized }: Pick<VolumeDraft, 'size' | 'sized'>, source: VolumeSource['kind'], bytes: number | null): string => (sized ? size : bytes === null ? usualSize(source) : bytesQuantity(bytes))

/** `from`: `Snapshot/name` or `Volume/name`, as the address of the form has it; `bytes`: its size, where that is known. */
export function newVolumeDraft(from: string | null, bytes: number | null = null): VolumeDraft {
  const [kind, name = ''] = /^(Snapshot|Volume)\/(.+)$/.exec(from ?? '')?.slice(1) ?? []
  const source = kind === 'Snapshot' || kind === 'Volume' ? kind : 'Blank'
  return { name: '', size: sizeWith({ size: '', sized: false }, source, bytes), sized: false, storageClass: '', source, snapshot: source === 'Snapshot' ? name : '', volume: source === 'Volume' ? name : '', image: '', file: null, upload: '', accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', fsType: '', onFull: '', ...noLimits }
}

/** The source that a draft names; of an upload the id that the server gave it. */
function sourceOf({ source, snapshot, volume, image, upload }: VolumeDraft, uploadId: string): z.input<typeof volumeSpec>['source'] {
  switch (source) {
    case 'Blank': return { kind: 'Blank' }
    case 'Snapshot': return { kind: 'Snapshot', name: snapshot.trim() }
    case 'Volume': return { kind: 'Volume', name: volume.trim() }
    case 'Image': return { kind: 'Image', reference: image.trim() }
    case 'Upload': return { kind: 'Upload', uploadId: upload || uploadId }
  }
}

/** A number alone is of GiB, which is what people mean. */
export const sizeText = (typed: string): string => (/^\d+$/.test(typed.trim()) ? `${typed.trim()}Gi` : typed.trim())

/** Stands for the id of an upload that is not sent yet. */
const notYetSent = '00000000-0000-4000-8000-000000000000'

/** What is sent. `uploadId`: of the archive that was sent. */
export function volumeSpecOf(draft: VolumeDraft, uploadId = notYetSent): z.input<typeof volumeSpec> {
  const limits = limitsOf(draft)
  return {
    size: sizeText(draft.size),
    ...(draft.storageClass && { storageClassName: draft.storageClass }),
    accessMode: draft.accessMode,
    volumeMode: draft.volumeMode,
    ...(draft.fsType && draft.volumeMode === 'Filesystem' && { fsType: draft.fsType }),
    source: sourceOf(draft, uploadId),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(draft.onFull && { onFull: draft.onFull }),
  }
}

const sourceFields: Readonly<Record<VolumeSource['kind'], string>> = { Blank: 'source', Snapshot: 'snapshot', Volume: 'volume', Image: 'image', Upload: 'file' }

/** The form's field of a path as the server or the spec writes it: `spec.source.name` is the snapshot, or the volume. */
export function volumeFieldOf(path: string, { source }: Pick<VolumeDraft, 'source'>): string {
  const field = path.replace(/^spec\.?/, '')
  if (field.startsWith('source')) return sourceFields[source]
  if (field === 'storageClassName') return 'storageClass'
  return field.startsWith('limits') ? limitFieldOf(field) : field
}

/** What a source wants that was not named. */
function sourceProblem({ source, snapshot, volume, image, file, upload }: VolumeDraft): { path: string; message: string } | null {
  const missing = { Blank: false, Snapshot: !snapshot.trim(), Volume: !volume.trim(), Image: !image.trim(), Upload: !file && !upload }[source]
  const words = { Blank: '', Snapshot: 'choose a snapshot', Volume: 'choose a volume', Image: 'name an image', Upload: 'choose an archive' }[source]
  return missing ? { path: sourceFields[source], message: words } : null
}

/** The same rules as the server's, a problem at each field that has one. */
export const volumeDraftSchema = z.custom<VolumeDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsSubdomain.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  const missing = sourceProblem(draft)
  if (missing) problem(missing.path, missing.message)
  addLimitProblems(draft, problem)
  for (const { path, message } of volumeSpec.safeParse(volumeSpecOf(draft)).error?.issues ?? []) {
    const field = volumeFieldOf(path.map(String).join('.'), draft)
    if (!(limitNames as readonly string[]).includes(field) && field !== missing?.path) problem(field, message)
  }
})
