import { z } from 'zod'
import { parseReference } from '../image/reference'
import { text } from '../pod/fields'
import { dnsLabel, dnsSubdomain } from '../shared/names'
import { minXfsBytes, sizeBytesOf, volumeLimits, volumeSize } from './limits'

const imageReference = text.max(1024).superRefine((reference, context) => {
  const parsed = parseReference(reference)
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message })
})

/**
 * What a volume is made of: nothing; a snapshot; another volume as it is now; the files of an image, copied by the guest at its first mount; or an archive that its tenant
 * has sent.
 */
export const volumeSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('Blank') }),
  z.strictObject({ kind: z.literal('Snapshot'), name: dnsSubdomain }),
  z.strictObject({ kind: z.literal('Volume'), name: dnsSubdomain }),
  z.strictObject({ kind: z.literal('Image'), reference: imageReference }),
  z.strictObject({ kind: z.literal('Upload'), uploadId: z.uuid('must be the id of an upload') }),
], { error: 'must be Blank, Snapshot, Volume, Image or Upload' })
export type VolumeSource = z.infer<typeof volumeSource>

export const accessMode = z.enum(['ReadWriteOnce', 'ReadOnlyMany'], { error: 'must be ReadWriteOnce (one pod writes) or ReadOnlyMany (any number of pods read): a block device has one writer' })
export const volumeMode = z.enum(['Filesystem', 'Block'], { error: 'must be Filesystem or Block' })
export const fsType = z.enum(['ext4', 'xfs'], { error: 'must be ext4 or xfs' })
/** Where the store has no room: `Pause`: the pod's virtual machine stands still until there is; `Fail`: its writes end with "No space left on device". */
export const onFull = z.enum(['Pause', 'Fail'], { error: 'must be Pause or Fail' })

/** What a size says that xfs does not take. */
export const tooSmallForXfs = 'must be at least 301Mi, which xfs needs: ask for more, or for ext4'

/** A disk that outlives pods. ReadWriteOnce means one pod, not one node as in Kubernetes, for every pod is a machine of its own. What is left out is as its class has it. */
export const volumeSpec = z
  .strictObject({
    size: volumeSize,
    storageClassName: dnsLabel.optional(),
    accessMode: accessMode.default('ReadWriteOnce'),
    volumeMode: volumeMode.default('Filesystem'),
    fsType: fsType.optional(),
    source: volumeSource.default({ kind: 'Blank' }),
    limits: volumeLimits.default({}),
    onFull: onFull.optional(),
  })
  .superRefine((spec, context) => {
    if (spec.accessMode === 'ReadOnlyMany' && spec.source.kind === 'Blank') context.addIssue({ code: 'custom', path: ['source'], message: 'is required of a volume that nobody writes: name a snapshot, a volume, an image or an upload' })
    if (spec.fsType === 'xfs' && sizeBytesOf(spec.size) < minXfsBytes) context.addIssue({ code: 'custom', path: ['size'], message: tooSmallForXfs })
    if (spec.volumeMode !== 'Block') return
    if (spec.fsType !== undefined) context.addIssue({ code: 'custom', path: ['fsType'], message: 'is of a volume with a file system: leave it out, or make volumeMode Filesystem' })
    if (spec.source.kind === 'Image') context.addIssue({ code: 'custom', path: ['source'], message: 'files of an image need a file system: make volumeMode Filesystem' })
  })
export type VolumeSpec = z.infer<typeof volumeSpec>

/** What of a spec may change. `size` only grows. */
export const changeableFields = ['size', 'limits', 'onFull'] as const

/** The second spec as the first was written, where both mean the volume's class: who leaves it out means the one that the volume has. */
export function withClassAsWritten(before: VolumeSpec, { storageClassName, ...after }: VolumeSpec, className: string): VolumeSpec {
  const named = (storageClassName ?? className) === (before.storageClassName ?? className) ? before.storageClassName : storageClassName
  return named === undefined ? after : { ...after, storageClassName: named }
}

/** The fields of which the second spec asks for something else, though they never change. */
export function changedForGood(before: VolumeSpec, after: VolumeSpec): (keyof VolumeSpec)[] {
  const fields = ['storageClassName', 'accessMode', 'volumeMode', 'fsType', 'source'] as const
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
}
