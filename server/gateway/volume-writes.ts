import { inTransaction, waitAtMost, type DatabaseClient, type Transaction } from '@/server/store/database'
import { holdConnection } from '@/server/store/hosts'
import type { HostSession } from './host-sessions'

class Superseded extends Error {}

/** So long a row is waited for that somebody else holds: a tenant's manifest may hold its own for seconds. */
const lockMs = 200

/**
 * Writes what a host said of one volume, in a transaction of its own that waits for nobody for long (`isLockTimeout`). Its connection is held last, for its heartbeats write the same row. Whether it was
 * written: not where the host has said hello on another connection since.
 */
export async function writeOfConnection(db: DatabaseClient, { hostId, connection }: Pick<HostSession, 'hostId' | 'connection'>, write: (tx: Transaction) => Promise<unknown>): Promise<boolean> {
  try {
    await inTransaction(db, async (tx) => {
      await waitAtMost(tx, lockMs)
      await write(tx)
      if (!(await holdConnection(tx, hostId, connection))) throw new Superseded()
    }, { repeatable: true })
    return true
  } catch (error) {
    if (error instanceof Superseded) return false
    throw error
  }
}
