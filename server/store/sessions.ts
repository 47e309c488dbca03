import type { Database } from './database'

/** `lastSeenAt` is written this seldom (milliseconds): a click must not cost a write. */
const seenEvery = 5 * 60_000

const active = () => ({ revokedAt: null, expiresAt: { gt: new Date() } })

export const insertSession = (tx: Database, session: { userId: string; address: string; userAgent: string; expiresAt: Date }) => tx.session.create({ data: session })

/** A session that is not revoked and in its time, of a user who may sign in; else null. */
export const findActiveSession = (db: Database, id: string) =>
  db.session.findFirst({ where: { id, ...active(), user: { disabledAt: null, pending: false } }, include: { user: { omit: { passwordHash: true } } } })

export async function touchSession(db: Database, session: { id: string; lastSeenAt: Date }): Promise<void> {
  if (Date.now() - session.lastSeenAt.getTime() < seenEvery) return
  await db.session.updateMany({ where: { id: session.id }, data: { lastSeenAt: new Date() } })
}

/** The browsers that a user is signed in with, last seen first. */
export const listActiveSessions = (db: Database, userId: string) => db.session.findMany({ where: { userId, ...active() }, orderBy: [{ lastSeenAt: 'desc' }, { id: 'asc' }], take: 200 })

/** Ends one session of a user; false when they have none such. A trigger tells every process, which close its sockets. */
export async function revokeSession(db: Database, session: { userId: string; id: string }): Promise<boolean> {
  return (await db.session.updateMany({ where: { ...session, ...active() }, data: { revokedAt: new Date() } })).count > 0
}

/** Ends a user's sessions, all or all but one, and returns how many. */
export async function revokeSessions(tx: Database, userId: string, keep?: string): Promise<number> {
  const where = { userId, ...active(), ...(keep ? { id: { not: keep } } : {}) }
  return (await tx.session.updateMany({ where, data: { revokedAt: new Date() } })).count
}
