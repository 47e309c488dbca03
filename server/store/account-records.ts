import type { Database } from './database'

const days = (n: number) => new Date(Date.now() - n * 86_400_000)

/**
 * Removes records of accounts that nobody needs any more: rate limits whose window is over, used or old reset links,
 * sessions and tokens that ended a month ago, mail older than a month. Idempotent; safe to run in two processes.
 * Returns how many rows went.
 */
export async function pruneAccountRecords(db: Database): Promise<number> {
  const endedAMonthAgo = { OR: [{ expiresAt: { lt: days(30) } }, { revokedAt: { lt: days(30) } }] }
  const removed = [
    await db.rateLimit.deleteMany({ where: { expire: { lt: new Date() } } }),
    await db.passwordReset.deleteMany({ where: { OR: [{ expiresAt: { lt: days(1) } }, { usedAt: { lt: days(1) } }] } }),
    await db.session.deleteMany({ where: endedAMonthAgo }),
    await db.apiToken.deleteMany({ where: endedAMonthAgo }),
    await db.mail.deleteMany({ where: { createdAt: { lt: days(30) } } }),
  ]
  return removed.reduce((sum, { count }) => sum + count, 0)
}
