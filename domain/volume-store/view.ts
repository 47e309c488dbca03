import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { volumeStoreSpec } from './spec'

/** What a host says of the store: whether it reaches it, and how full it is in bytes. `heard`: the host is heard of, so that this is so now. */
export const volumeStoreHost = z.object({ host: z.string(), heard: z.boolean(), reachable: z.boolean(), message: z.string(), totalBytes: z.number().nullable(), freeBytes: z.number().nullable(), at: z.string() })
export type VolumeStoreHost = z.infer<typeof volumeStoreHost>

export const volumeStoreView = z.object({
  metadata: objectMetadata,
  spec: volumeStoreSpec,
  status: z.object({
    /** Whether it has the key that it needs; the key itself is told to nobody. */
    hasKey: z.boolean(),
    volumes: z.number().int(),
    snapshots: z.number().int(),
    /** Bytes that its volumes were promised. */
    promisedBytes: z.number(),
    storageClasses: z.array(z.string()),
    /** What was removed for good and lies in it still, on disks of hosts that were declared lost: volumes and snapshots, and those hosts. The answer to a repeated request that was first answered before this was told is of a store just made, where nothing was removed. */
    removals: z.object({ count: z.number().int(), hosts: z.array(z.string()) }).default({ count: 0, hosts: [] }),
    hosts: z.array(volumeStoreHost),
    /** Reachable: whether hosts that are heard of reach it, and which do not. RoomAvailable: whether it has room. */
    conditions: z.array(condition),
  }),
})
export type VolumeStoreView = z.infer<typeof volumeStoreView>
