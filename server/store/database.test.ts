import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction, type Transaction } from './database'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** Two transactions that take two rows in opposite order, each after the other has its first: PostgreSQL ends one of them. */
async function deadlock(repeatable: boolean) {
  const [a, b] = await Promise.all(['a', 'b'].map((name) => server.db.host.create({ data: { name: `${name}-${randomUUID()}`, publicKey: randomUUID() } })))
  const raw = (tx: Transaction, id: string) => tx.$queryRaw`select 1 from "Host" where "id" = ${id}::uuid for update`
  const orm = (tx: Transaction, id: string) => tx.host.update({ where: { id }, data: { unschedulable: true } })
  let holding = 0
  let release = () => {}
  const both = new Promise<void>((resolve) => (release = resolve))
  let runs = 0
  let done = () => {}
  const oneDone = new Promise<void>((resolve) => (done = resolve))
  const take = async (first: string, second: string, lock: typeof raw | typeof orm) => {
    await inTransaction(server.db, async (tx) => {
      // A repetition could take its first row before the other hears that it is free, and both would be in each other's way once more.
      if (++runs > 2) await oneDone
      await lock(tx, first)
      if (++holding === 2) release()
      await both
      await lock(tx, second)
    }, { repeatable })
    done()
  }
  return { runs: () => runs, outcome: (lock: typeof raw | typeof orm) => Promise.allSettled([take(a!.id, b!.id, lock), take(b!.id, a!.id, lock)]), raw, orm }
}

describe('a transaction that PostgreSQL ends for a deadlock', () => {
  it.each(['raw', 'orm'] as const)('is done again where it may be (%s statements)', async (kind) => {
    const { runs, outcome, ...locks } = await deadlock(true)
    expect((await outcome(locks[kind] as typeof locks.raw)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(runs()).toBe(3)
  })
  it('fails where it may have had effects elsewhere', async () => {
    const { runs, outcome, raw } = await deadlock(false)
    expect((await outcome(raw)).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(runs()).toBe(2)
  })
  it('and any other failure is not repeated', async () => {
    let runs = 0
    await expect(inTransaction(server.db, () => { runs += 1; return Promise.reject(new Error('no')) }, { repeatable: true })).rejects.toThrow('no')
    expect(runs).toBe(1)
  })
})
