import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { insertSession } from '@/server/store/sessions'
import { recordAccountAudit, type StoredUser } from '@/server/store/users'
import { sessionSeconds } from './session-cookie'

/** Opens a browser's session and returns its id, which goes into the cookie. */
export function openSession(db: DatabaseClient, user: StoredUser, client: { address: string; userAgent: string }): Promise<string> {
  return inTransaction(db, async (tx) => {
    const session = await insertSession(tx, { userId: user.id, address: client.address, userAgent: plainLine(client.userAgent), expiresAt: new Date(Date.now() + sessionSeconds * 1000) })
    await recordAccountAudit(tx, { actorId: user.id, actor: user.email, action: 'session.create', name: session.id, address: client.address })
    return session.id
  })
}

const plainLine = (text: string): string => text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 300)
