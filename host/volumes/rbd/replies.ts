import { z } from 'zod'

/** What `rbd` and `ceph` print as JSON (Ceph 16 to 19), as far as it is used here. */
const size = z.number().int().min(0)

export const imageInfo = z.looseObject({ id: z.string(), size, parent: z.looseObject({ image: z.string(), snapshot: z.string() }).optional() })
export const imageNames = z.array(z.string())
/** Of images whose removal was begun, and cut off. */
export const trashedImages = z.array(z.looseObject({ name: z.string() }))
/** A line of an image has no `snapshot`. */
export const imageLines = z.array(z.looseObject({ image: z.string(), size, snapshot: z.string().optional() }))
/** Ids come never twice in a pool. `timestamp`: as ctime(3) writes it, in UTC (ceph-commands.ts); of a pool that is full it is not asked. */
export const snapshotLines = z.array(z.looseObject({ id: z.number().int().min(0), name: z.string(), size, timestamp: z.string().optional() }))
export const diskUsage = z.looseObject({ images: z.array(z.looseObject({ snapshot: z.string().optional(), provisioned_size: size, used_size: size })) })

/**
 * A client's address: its port is 0 and its number is random, which tells it from a daemon's. Who holds a lock is written in the image, where whoever has the tenant's key can
 * write what he likes, and a client itself says how it is called: an address of another kind shuts out nobody. The number 0 stands for all clients of an address (Ceph, `OSDMap::is_blocklisted`), and one that 32 bits do not hold for another.
 */
export const clientAddress = z.string().regex(/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]):0\/[1-9]\d{0,9}$/).refine((address) => Number(address.split('/')[1]) < 2 ** 32)
export const watcherList = z.looseObject({ watchers: z.array(z.looseObject({ address: clientAddress })) })
export const lockList = z.array(z.looseObject({ id: z.string().max(256), locker: z.string().max(64).regex(/^client\.\d+$/), address: clientAddress }))
/** Clients that the cluster's managers are besides: their addresses look like a VM's. */
export const managers = z.looseObject({ active_clients: z.array(z.looseObject({ addrvec: z.array(z.looseObject({ addr: z.string(), nonce: z.number() })) })).default([]) }).transform(({ active_clients: clients }) => clients.flatMap(({ addrvec }) => addrvec.map(({ addr, nonce }) => `${addr}/${nonce}`)))
export const blocklist = z.array(z.looseObject({ addr: z.string(), until: z.string() }))

/** Of `ceph df detail`. A quota of 0 is none. */
export const clusterUsage = z.looseObject({ pools: z.array(z.looseObject({ name: z.string(), stats: z.looseObject({ stored: size, max_avail: size, objects: size.default(0), quota_bytes: size.default(0), quota_objects: size.default(0) }) })) })
export const createdUsers = z.tuple([z.looseObject({ entity: z.string(), key: z.string().max(256) })])
