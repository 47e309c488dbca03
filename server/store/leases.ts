import type { Database } from './database'

/**
 * Takes or renews the lease `name` for `seconds` by the database's clock. Returns the term while the lease is held by
 * `holder`, null while somebody else's has not run out. A new holder gets a new term. One that runs for longer than any
 * is given is over too: the clock was set back since, and its holder, where it lives, takes it anew at its next renewal.
 */
export async function acquireLease(db: Database, name: string, holder: string, seconds: number): Promise<bigint | null> {
  const rows = await db.$queryRaw<{ term: bigint }[]>`
    insert into "Lease" ("name", "holder", "term", "expiresAt") values (${name}, ${holder}, 1, now() + make_interval(secs => ${seconds}))
    on conflict ("name") do update set
      "term" = case when "Lease"."holder" = ${holder} then "Lease"."term" else "Lease"."term" + 1 end,
      "holder" = ${holder}, "expiresAt" = now() + make_interval(secs => ${seconds})
    where "Lease"."holder" = ${holder} or "Lease"."expiresAt" < now() or "Lease"."expiresAt" > now() + make_interval(secs => ${seconds + 1})
    returning "term"`
  return rows[0]?.term ?? null
}

/** Gives the lease up, so that another holder need not wait for it to run out. */
export async function releaseLease(db: Database, name: string, holder: string): Promise<void> {
  await db.$executeRaw`update "Lease" set "expiresAt" = now() where "name" = ${name} and "holder" = ${holder}`
}
