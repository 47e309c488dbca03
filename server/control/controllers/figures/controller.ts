import { inTransaction } from '@/server/store/database'
import { pruneFigures, rollFigures } from '@/server/store/figures'
import { pruneStarts } from '@/server/store/pod-starts'
import type { Controller } from '../../runtime/controller'

/** Rolls figures into coarser ones and removes what has served its time, starts of pods included. */
export const figuresController: Controller = {
  name: 'figures',
  workers: 1,
  resyncSeconds: 30,
  keysOf: () => [],
  allKeys: () => Promise.resolve(['all']),
  reconcile: async (ctx) => {
    await inTransaction(ctx.db, (tx) => rollFigures(tx))
    await inTransaction(ctx.db, (tx) => pruneFigures(tx))
    await pruneStarts(ctx.db)
  },
}
