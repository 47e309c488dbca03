import { inTransaction } from '@/server/store/database'
import { markSilentHosts } from '@/server/store/hosts'
import type { Controller } from '../../runtime/controller'

/** A host that missed this many seconds of heartbeats is Unknown; its pods may still run, so they are never called stopped. */
const silentSeconds = 15

export const hostController: Controller = {
  name: 'host',
  workers: 1,
  resyncSeconds: 5,
  keysOf: () => [],
  allKeys: () => Promise.resolve(['all']),
  reconcile: async (ctx) => {
    const silent = await inTransaction(ctx.db, (tx) => markSilentHosts(tx, silentSeconds))
    for (const host of silent) ctx.log.warn({ host: host.name }, `host ${host.name} has been silent for ${silentSeconds} s`)
  },
}
