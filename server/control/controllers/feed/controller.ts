import { pruneChanges } from '@/server/store/change-feed'
import { pruneAccountRecords } from '@/server/store/account-records'
import { inTransaction } from '@/server/store/database'
import { pruneRecords } from '@/server/store/retention'
import type { Controller } from '../../runtime/controller'

/** A watcher that was away for longer lists again. */
const keepChangesSeconds = 3600

export const feedController: Controller = {
  name: 'feed',
  workers: 1,
  resyncSeconds: 300,
  keysOf: () => [],
  allKeys: () => Promise.resolve(['all']),
  reconcile: (ctx) =>
    inTransaction(ctx.db, async (tx) => {
      await pruneChanges(tx, keepChangesSeconds)
      await pruneRecords(tx)
      await pruneAccountRecords(tx)
    }),
}
