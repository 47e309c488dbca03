import type { Logger } from '@/platform/logger'
import type { DatabaseClient } from '@/server/store/database'
import { listOwnersOnHost, releaseFromHost, type Unwanted } from '@/server/store/external-state'
import { writeExternal } from './external-writes'
import type { HostSession } from './host-sessions'

/**
 * What a host's rows say that it shall not have, and what it does not hold: another host may. A tenant at a time, so that none waits for another. Call it where the host is told of
 * the outside and nowhere else: nothing of it may be told anew meanwhile.
 * @returns whether a tenant's is left, since somebody else is at work on it, or it failed: to be called again
 */
export async function releaseExternal({ db, log }: { db: DatabaseClient; log: Logger }, session: HostSession, { addresses, balancers }: Unwanted): Promise<{ left: boolean }> {
  const { held, hostId } = session
  const free = { addresses: addresses.filter((one) => held.isFree(one)).map(({ uid }) => uid), balancers: balancers.filter((uid) => held.isBalancerFree(uid)) }
  if (free.addresses.length + free.balancers.length === 0) return { left: false }
  const owners = new Map((await listOwnersOnHost(db, hostId, [...free.addresses, ...free.balancers])).map(({ uid, tenantId }) => [uid, tenantId]))
  let left = false
  for (const tenantId of [...new Set(owners.values())].sort()) {
    const own = (uid: string) => owners.get(uid) === tenantId
    const result = await writeExternal(db, session, tenantId, (tx) => releaseFromHost(tx, hostId, { addresses: free.addresses.filter(own), balancers: free.balancers.filter(own) })).catch((err: unknown) => {
      log.error({ err, hostId, tenantId }, 'what a host let go of could not be freed: it is tried again')
      return 'busy' as const
    })
    if (result === 'superseded') return { left: false }
    if (result === 'busy') left = true
  }
  return { left }
}
