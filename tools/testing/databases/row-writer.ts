import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'

/** So many at a time: the database has several transactions in one flush. */
const connections = 2

/** Commits a row of this number, in a transaction of its own. */
export const commitRow = 'insert into rows select $1::bigint, repeat(md5($1::bigint::text), 8)'

/**
 * Commits numbered rows one after another, and writes down here, outside of the pod, which of them the database said are committed. A lost connection is made again, and what was under way on it counts for
 * nothing; so it goes on whatever becomes of the database meanwhile.
 */
export class RowWriter {
  /** How often a connection was lost, or there was none. */
  interruptions = 0
  private readonly acknowledged: { row: number; at: number }[] = []
  private readonly ending = new AbortController()
  private readonly loops: Promise<unknown>
  private next: number

  /** `connect`: to where the database is at that moment. `first`: the number of its first row. */
  constructor(
    private readonly connect: () => Promise<Client>,
    first = 1,
  ) {
    this.next = first
    this.loops = Promise.all(Array.from({ length: connections }, () => this.write()))
  }

  /** No row above it was sent. */
  get sent(): number {
    return this.next - 1
  }

  /** Rows that were acknowledged, later than this by this process's steady clock where it is given. */
  rows(since = -Infinity): number[] {
    return this.acknowledged.filter(({ at }) => at > since).map(({ row }) => row)
  }

  /** Resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.ending.abort()
    await this.loops
  }

  private async write(): Promise<void> {
    const { signal } = this.ending
    while (!signal.aborted) {
      const client = await this.connect().catch(() => null)
      try {
        while (client && !signal.aborted) await this.commit(client)
      } catch {
        // Whether its last row is there nobody knows.
      } finally {
        await client?.end().catch(() => {})
      }
      if (signal.aborted) return
      this.interruptions += 1
      await pause(100, undefined, { signal }).catch(() => {})
    }
  }

  private async commit(client: Client): Promise<void> {
    const row = this.next++
    await client.query(commitRow, [row])
    this.acknowledged.push({ row, at: performance.now() })
  }
}
