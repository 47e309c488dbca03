import { RoomGauge } from '../room'
import { VolumeError } from '../store'
import { CephCommands, type CephAccess } from './ceph-commands'
import { clusterUsage } from './replies'

/** Ceph leaves a pool's quota out of what it calls available, and lets nobody write once either is used up. */
export function freeOf({ stored, max_avail: available, objects, quota_bytes: mostBytes, quota_objects: mostObjects }: { stored: number; max_avail: number; objects: number; quota_bytes: number; quota_objects: number }): number {
  if (mostObjects > 0 && objects >= mostObjects) return 0
  return mostBytes > 0 ? Math.max(0, Math.min(available, mostBytes - stored)) : available
}

/** Of a pool, which all tenants of a store share. */
export function poolGauge(access: CephAccess, pool: string): RoomGauge {
  const commands = new CephCommands(access)
  return new RoomGauge(access.name, async () => {
    const { pools } = await commands.cephJson(clusterUsage, ['df', 'detail'], { timeoutMs: 15_000, apart: true })
    const one = pools.find(({ name }) => name === pool)
    if (!one) throw new VolumeError('Unreachable', access.name, `The store ${access.name} has no pool ${pool}: make it (ceph osd pool create, rbd pool init), or name another one.`)
    const freeBytes = freeOf(one.stats)
    return { totalBytes: one.stats.stored + freeBytes, freeBytes }
  })
}
