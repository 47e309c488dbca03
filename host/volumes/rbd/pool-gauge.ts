import { RoomGauge } from '../room'
import { VolumeError } from '../store'
import { CephCommands, type CephAccess } from './ceph-commands'
import { clusterUsage } from './replies'

/** Of a pool, which all tenants of a store share. */
export function poolGauge(access: CephAccess, pool: string): RoomGauge {
  const commands = new CephCommands(access)
  return new RoomGauge(access.name, async () => {
    const { pools } = await commands.cephJson(clusterUsage, ['df'], { timeoutMs: 15_000, apart: true })
    const one = pools.find(({ name }) => name === pool)
    if (!one) throw new VolumeError('Unreachable', access.name, `The store ${access.name} has no pool ${pool}: make it (ceph osd pool create, rbd pool init), or name another one.`)
    return { totalBytes: one.stats.stored + one.stats.max_avail, freeBytes: one.stats.max_avail }
  })
}
