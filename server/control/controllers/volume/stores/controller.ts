import { storeVerdicts } from '@/domain/volume-store/conditions'
import { setConditionsIfThere } from '@/server/store/conditions'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { listVolumeStoreUids, readStoreWords } from '@/server/store/volume-stores'
import type { Controller } from '../../../runtime/controller'

/** Says of each store of volumes which hosts reach it and whether it has room, of what those that are heard of say. Keys are the stores' uids; `all` is all of them. */
export const storeController: Controller = {
  name: 'volume-stores',
  workers: 1,
  resyncSeconds: 60,
  keysOf: ({ kind, uid, action }) => ((kind === 'VolumeStore' && action !== 'deleted') || kind === 'VolumeRoom' ? [uid] : kind === 'Host' ? ['all'] : []),
  allKeys: ({ db }) => listVolumeStoreUids(db),
  reconcile: async ({ db }, key) => (key === 'all' ? listVolumeStoreUids(db) : tellStore(db, key)),
}

/** Nothing is written where a store says what it said. */
async function tellStore(db: DatabaseClient, uid: string): Promise<void> {
  const store = await readStoreWords(db, uid)
  if (!store) return
  const verdicts = storeVerdicts(store.spec, store.words)
  await inTransaction(db, (tx) => setConditionsIfThere(tx, verdicts.map((one) => ({ objectUid: uid, objectKind: 'VolumeStore', observedGeneration: store.generation, ...one }))), { repeatable: true })
}
