import { inTransaction, isLockTimeout, type DatabaseClient, type Transaction } from '@/server/store/database'
import { tryHoldExternal } from '@/server/store/external-state'
import { holdConnection } from '@/server/store/hosts'
import type { HostSession } from './host-sessions'

/** `busy`: somebody else is at work on what the tenant has; nothing was written. `superseded`: the host has said hello on another connection since; nothing was written either. */
export type ExternalWrite = 'written' | 'busy' | 'superseded'

class Superseded extends Error {}

/** So long a row is waited for that somebody else holds: a tenant's manifest may hold its own for seconds. */
const lockMs = 200

/**
 * Writes of what one tenant has on the outside what a host said, in a transaction of its own that waits for nobody: what a tenant does may take long, and holds up neither
 * other tenants nor the host. The host's connection is held last, for its heartbeats write the same row.
 */
export async function writeExternal(db: DatabaseClient, { hostId, connection }: Pick<HostSession, 'hostId' | 'connection'>, tenantId: string, write: (tx: Transaction) => Promise<unknown>): Promise<ExternalWrite> {
  try {
    return await inTransaction(db, async (tx) => {
      if (!(await tryHoldExternal(tx, tenantId, lockMs))) return 'busy'
      await write(tx)
      if (!(await holdConnection(tx, hostId, connection))) throw new Superseded()
      return 'written'
    }, { repeatable: true })
  } catch (error) {
    if (error instanceof Superseded) return 'superseded'
    if (isLockTimeout(error)) return 'busy'
    throw error
  }
}
