import { listReadyHosts, markSilentHost } from '@/server/store/hosts'
import type { Controller } from '../../runtime/controller'
import { Silence } from './silence'

/** A host that missed this many seconds of heartbeats is Unknown; its pods may still run, so they are never called stopped. */
const silentSeconds = 15

/** What is remembered of hosts is this process's own: after a change of the leader a host has its time once more. */
export function createHostController(steady: () => number = () => performance.now()): Controller {
  const silence = new Silence(silentSeconds * 1000, steady)
  return {
    name: 'host',
    workers: 1,
    resyncSeconds: 3,
    keysOf: () => [],
    allKeys: () => Promise.resolve(['all']),
    reconcile: async (ctx) => {
      for (const host of silence.find(await listReadyHosts(ctx.db))) {
        if (await markSilentHost(ctx.db, host.id, host.lastHeartbeat)) ctx.log.warn({ host: host.name, since: host.lastHeartbeat }, `host ${host.name} has been silent for ${silentSeconds} s`)
      }
    },
  }
}
