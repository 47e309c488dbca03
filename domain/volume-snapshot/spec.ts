import { z } from 'zod'
import { dnsLabel, dnsSubdomain } from '../shared/names'

/**
 * CrashConsistent: as a disk is after a power cut, which file systems and databases come back from. FilesystemConsistent: the guest writes its file system out and stands still
 * for the moment.
 */
export const consistency = z.enum(['CrashConsistent', 'FilesystemConsistent'], { error: 'must be CrashConsistent or FilesystemConsistent' })
export type Consistency = z.infer<typeof consistency>

/** Of which volume: by its own name, or by the claim that it is bound to, which lies in `namespace`. */
export const snapshotSource = z
  .strictObject({ volumeName: dnsSubdomain.optional(), persistentVolumeClaimName: dnsSubdomain.optional(), namespace: dnsLabel.optional() })
  .superRefine(({ volumeName, persistentVolumeClaimName, namespace }, context) => {
    if ((volumeName === undefined) === (persistentVolumeClaimName === undefined)) context.addIssue({ code: 'custom', message: 'must have exactly one of volumeName and persistentVolumeClaimName' })
    else if (namespace !== undefined && volumeName !== undefined) context.addIssue({ code: 'custom', path: ['namespace'], message: 'is of a claim: volumes lie in none' })
  })

/** A volume as it was at one moment. */
export const volumeSnapshotSpec = z.strictObject({ source: snapshotSource, consistency: consistency.default('CrashConsistent') })
export type VolumeSnapshotSpec = z.infer<typeof volumeSnapshotSpec>
