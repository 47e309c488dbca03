import { inTransaction, type DatabaseClient, type Transaction } from '@/server/store/database'
import { limitLockWait } from '@/server/store/external-state'

/** So long a row is waited for that somebody else holds. */
const lockMs = 500

/** A transaction for one tenant that fails soon where somebody else holds what it needs (`isLockTimeout`), and is tried again later: meanwhile other tenants have their turns. */
export const inBriefTransaction = <T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>, options: { repeatable?: boolean } = {}): Promise<T> =>
  inTransaction(db, async (tx) => {
    await limitLockWait(tx, lockMs)
    return work(tx)
  }, options)
