import { z } from 'zod'
import { storageClassSpec } from '../storage-class/spec'

const use = z.object({ used: z.number().int(), limit: z.number().int() })
/** How many volumes, bytes of them and snapshots a tenant has and may have. What is deleted counts until it is removed for good. */
export const volumeQuota = z.object({ volumes: use, bytes: use, snapshots: use })
export type VolumeQuota = z.infer<typeof volumeQuota>

/** What was said of one tenant; null: as much as the platform's setting says, which is `usual`. */
const said = z.object({ set: z.number().int().nullable(), usual: z.number().int() })
export const tenantVolumeQuota = z.object({ tenant: z.object({ id: z.string(), slug: z.string(), name: z.string() }), quota: volumeQuota, said: z.object({ volumes: said, bytes: said, snapshots: said }) })
export type TenantVolumeQuota = z.infer<typeof tenantVolumeQuota>

/** What a tenant may have: of which classes, and how much. `shared`: its volumes draw their pods to no host. */
export const volumeOffer = z.object({
  classes: z.array(z.object({ name: z.string(), spec: storageClassSpec, storeKind: z.enum(['file', 'rbd']), shared: z.boolean() })),
  quota: volumeQuota,
  /** For how long a deleted volume can be restored. */
  restorableSeconds: z.number(),
})
export type VolumeOffer = z.infer<typeof volumeOffer>
