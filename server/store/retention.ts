import type { Database } from './database'

/** Removes what has served its time: answers of requests after a day, events after a week, kept manifests after a month. */
export async function pruneRecords(db: Database): Promise<void> {
  await db.$executeRaw`delete from "CompletedRequest" where "createdAt" < now() - interval '1 day'`
  await db.$executeRaw`delete from "Event" where "lastTimestamp" < now() - interval '7 days'`
  // A manifest that was kept because its pod could not be created anew, and that nobody asked for since.
  await db.$executeRaw`delete from "PodSuccessor" where "podUid" is null and "createdAt" < now() - interval '30 days'`
}
