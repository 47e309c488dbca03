import { DomainError } from '@/domain/shared/errors'
import { inTransaction, isLockTimeout, type DatabaseClient, type Transaction } from '@/server/store/database'
import { holdStores } from '@/server/store/volume-stores'

/** So long a change waits for tenants who are making volumes. */
const maxWaitMs = 1_500

/** A change of stores or classes: one at a time. */
export async function onStores<T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    return await inTransaction(db, async (tx) => {
      await holdStores(tx, maxWaitMs)
      return work(tx)
    }, { repeatable: true })
  } catch (error) {
    if (isLockTimeout(error)) throw new DomainError('unavailable', 'Tenants are making or changing volumes of it just now, and nothing was changed: try again in some seconds.', { cause: error })
    throw error
  }
}
