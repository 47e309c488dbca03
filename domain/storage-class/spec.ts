import { z } from 'zod'
import { dnsLabel } from '../shared/names'
import { volumeLimits } from '../volume/limits'
import { fsType, onFull } from '../volume/spec'

const yes = z.boolean({ error: 'must be true or false' })

/**
 * What volumes of a class have, as an operator makes it. `volumeBindingMode` WaitForFirstConsumer: a volume of a store that hosts do not share is made where its first pod is
 * placed; Immediate: at once, where most room is. `limits`: the most of each of its volumes, whatever that says of itself. `default`: of volumes and claims that name no class; at most one.
 */
export const storageClassSpec = z.strictObject({
  store: dnsLabel,
  fsType: fsType.default('ext4'),
  reclaimPolicy: z.enum(['Delete', 'Retain'], { error: 'must be Delete or Retain' }).default('Delete'),
  volumeBindingMode: z.enum(['WaitForFirstConsumer', 'Immediate'], { error: 'must be WaitForFirstConsumer or Immediate' }).default('WaitForFirstConsumer'),
  allowVolumeExpansion: yes.default(true),
  onFull: onFull.default('Pause'),
  limits: volumeLimits.default({}),
  /** Clones are copied in the background until they depend on no snapshot. */
  flattenClones: yes.default(false),
  default: yes.default(false),
})
export type StorageClassSpec = z.infer<typeof storageClassSpec>
