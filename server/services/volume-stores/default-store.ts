import { randomUUID } from 'node:crypto'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { countStorageClasses, insertStorageClass } from '@/server/store/storage-classes'
import { countVolumeStores, holdStores, insertVolumeStore } from '@/server/store/volume-stores'

const plain = { labels: {}, annotations: {} }
/** At a start all that are starting wait for one. */
const waitMs = 10_000

/** Makes the store `local`, in a folder of each host, and its usual class `standard` at a start that finds neither a store nor a class: at the first one. Two processes at once make one. */
export const ensureDefaultStore = (db: DatabaseClient): Promise<{ created: boolean }> =>
  inTransaction(db, async (tx) => {
    await holdStores(tx, waitMs)
    if ((await countVolumeStores(tx)) + (await countStorageClasses(tx)) > 0) return { created: false }
    const { uid: storeId } = await insertVolumeStore(tx, { uid: randomUUID(), name: 'local', ...plain, spec: volumeStoreSpec.parse({ kind: 'file' }), wrappedKey: null })
    await insertStorageClass(tx, { name: 'standard', ...plain, storeId, spec: storageClassSpec.parse({ store: 'local', default: true }) })
    return { created: true }
  })
