import { z } from 'zod'
import { dnsSubdomain } from '../shared/names'
import { leastSize, sizeBytesOf, sizeOfAtLeast } from '../volume/limits'
import { volumeMode, type VolumeSpec } from '../volume/spec'

const modes = ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteOncePod'] as const
const mode = z.enum(modes, { error: ({ input }) => (input === 'ReadWriteMany' ? 'ReadWriteMany is not there: a block device has one writer. Use ReadWriteOnce (one pod writes) or ReadOnlyMany (any number of pods read)' : `must be ${modes.join(', ')}`) })

const groups: Readonly<Record<'VolumeSnapshot' | 'PersistentVolumeClaim', readonly string[]>> = { VolumeSnapshot: ['snapshot.storage.k8s.io', ''], PersistentVolumeClaim: [''] }
const dataSource = z
  .strictObject({ apiGroup: z.string().max(253).default(''), kind: z.enum(['VolumeSnapshot', 'PersistentVolumeClaim'], { error: 'must be VolumeSnapshot or PersistentVolumeClaim' }), name: dnsSubdomain })
  .superRefine(({ apiGroup, kind }, context) => {
    if (!groups[kind].includes(apiGroup)) context.addIssue({ code: 'custom', path: ['apiGroup'], message: `must be ${groups[kind][0] === '' ? 'left out' : groups[kind][0]} for ${kind}` })
  })

const storage = z.strictObject({ storage: leastSize })
/** `limits` says the most that a volume may have; it has what is asked for, and what else is left out. */
const resources = z
  .strictObject({ requests: storage, limits: storage.optional() })
  .superRefine(({ requests, limits }, context) => {
    if (limits && sizeBytesOf(limits.storage) < sizeBytesOf(requests.storage)) context.addIssue({ code: 'custom', path: ['limits', 'storage'], message: `is less than what is asked for, ${requests.storage}: leave it out` })
  })
  .transform(({ requests }) => ({ requests }))

/**
 * A PersistentVolumeClaim, by Kubernetes' names. `storageClassName` left out: the default class; "": no volume is made, and `volumeName` alone binds. `volumeName`: this volume
 * of the tenant; left out: one is made. ReadWriteOncePod is what ReadWriteOnce is here: one pod.
 */
export const volumeClaimSpec = z
  .strictObject({
    accessModes: z.array(mode).min(1, 'must name one mode').max(1, 'must name one mode: a volume has one'),
    volumeMode: volumeMode.default('Filesystem'),
    resources,
    storageClassName: z.union([z.literal(''), dnsSubdomain], { error: 'must be the name of a StorageClass, or ""' }).optional(),
    volumeName: dnsSubdomain.optional(),
    dataSource: dataSource.optional(),
  })
  .superRefine((spec, context) => {
    if (spec.storageClassName === '' && spec.volumeName === undefined) context.addIssue({ code: 'custom', path: ['volumeName'], message: 'is required where storageClassName is "": no volume is made then' })
    if (spec.dataSource && spec.volumeName !== undefined) context.addIssue({ code: 'custom', path: ['dataSource'], message: 'is of a volume that is made: leave it out, or volumeName' })
  })
export type VolumeClaimSpec = z.infer<typeof volumeClaimSpec>

/** The size of the volume that a claim asks for. */
export const claimedSize = ({ resources: { requests } }: Pick<VolumeClaimSpec, 'resources'>): string => sizeOfAtLeast(requests.storage)
export const claimedBytes = (spec: Pick<VolumeClaimSpec, 'resources'>): number => sizeBytesOf(claimedSize(spec))
/** How the volume of a claim is used. */
export const accessModeOf = ({ accessModes }: VolumeClaimSpec): VolumeSpec['accessMode'] => (accessModes[0] === 'ReadOnlyMany' ? 'ReadOnlyMany' : 'ReadWriteOnce')
/** What a volume is called that is made for a claim, as Kubernetes calls it. */
export const volumeNameOf = (claimUid: string): string => `pvc-${claimUid}`
