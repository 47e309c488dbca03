import { z } from 'zod'

/** `provisionedBytes`: as large as they may become; of snapshots: as large as their volumes were. `allocatedBytes`: what they take in the store, as their hosts said last. */
const part = z.object({ count: z.number().int(), provisionedBytes: z.number(), allocatedBytes: z.number() })

/** What a tenant has in a store. `deleted`: volumes that can be restored, or that are being removed. `snapshots`: those that were made for clones too, for they take room as well. */
export const storeTenantUsage = z.object({
  tenant: z.object({ id: z.string(), slug: z.string(), name: z.string() }),
  volumes: part,
  snapshots: part,
  deleted: part,
  provisionedBytes: z.number(),
  allocatedBytes: z.number(),
})
export type StoreTenantUsage = z.infer<typeof storeTenantUsage>
