import type { Database } from './database'

/** Removes what has served its time: answers of requests after a day, events after a week, ended sessions and resets after thirty days. */
export async function pruneRecords(db: Database): Promise<void> {
  await db.$executeRaw`delete from "CompletedRequest" where "createdAt" < now() - interval '1 day'`
  await db.$executeRaw`delete from "Event" where "lastTimestamp" < now() - interval '7 days'`
  await db.$executeRaw`delete from "Session" where "expiresAt" < now() - interval '30 days'`
  await db.$executeRaw`delete from "PasswordReset" where "expiresAt" < now() - interval '30 days'`
}
