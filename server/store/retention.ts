import type { Database } from './database'

/** Removes what has served its time: answers of requests after a day, events after a week. */
export async function pruneRecords(db: Database): Promise<void> {
  await db.$executeRaw`delete from "CompletedRequest" where "createdAt" < now() - interval '1 day'`
  await db.$executeRaw`delete from "Event" where "lastTimestamp" < now() - interval '7 days'`
}
