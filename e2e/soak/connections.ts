import type { Client } from 'pg'
import { connectToDatabase } from '../fixtures/database'

/** More than PostgreSQL takes in any of our installations. */
const MOST = 1000

/**
 * Takes every connection that PostgreSQL has, those of the installation's own processes too: they are ended, and their places
 * taken before they come back. Returns the function that gives all back.
 */
export async function takeAllConnections(): Promise<() => Promise<void>> {
  const taken: Client[] = []
  const release = async () => {
    await Promise.all(taken.splice(0).map((client) => client.end().catch(() => {})))
  }
  try {
    const first = await connectToDatabase()
    taken.push(first)
    await fill(taken)
    for (let round = 0; round < 5; round++) {
      const own = await Promise.all(taken.map(async (client) => (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid))
      await first.query("select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> all($1::int[])", [own])
      await fill(taken)
    }
  } catch (error) {
    await release()
    throw error
  }
  return release
}

/** Connects until PostgreSQL has no place left. */
async function fill(taken: Client[]): Promise<void> {
  while (taken.length < MOST) {
    const more = await Promise.allSettled(Array.from({ length: 10 }, connectToDatabase))
    const connected = more.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    taken.push(...connected)
    if (connected.length < more.length) return
  }
}
