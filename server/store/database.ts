import { PrismaPg } from '@prisma/adapter-pg'
import { z } from 'zod'
import { Prisma, PrismaClient } from '@/generated/prisma/client'
import { wakeFeed } from './wake'

export type Transaction = Prisma.TransactionClient
/** What a store function takes: the client itself, or a transaction of it. */
export type Database = PrismaClient | Transaction
/** What a JSON column takes. */
export type JsonValue = Prisma.InputJsonValue
/** The client that can open transactions. */
export type DatabaseClient = PrismaClient

/** Opens the pool. One a process: the Next bundle and the server's own code share it through globalThis. */
export function openDatabase(url: string, connections = 12): DatabaseClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connections }) })
}

/** PostgreSQL's codes for a transaction that only met another one: it could not be serialized, or was chosen to end a deadlock. */
const conflictCodes = ['40001', '40P01']
const rawFailure = z.object({ meta: z.object({ driverAdapterError: z.object({ cause: z.object({ originalCode: z.enum(conflictCodes) }) }) }) })
const isConflict = (error: unknown): boolean => error instanceof Prisma.PrismaClientKnownRequestError && (error.code === 'P2034' || rawFailure.safeParse(error).success)

/**
 * Runs one transaction and wakes the readers of the change feed after its commit. NOTIFY stays out of the transaction,
 * since PostgreSQL takes a global lock for it until the commit. `repeatable`: the work has no effect outside the database, so
 * that it is done once more where another transaction was in its way.
 */
export async function inTransaction<T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>, { repeatable = false } = {}): Promise<T> {
  const run = () => db.$transaction(work, { timeout: 15_000, maxWait: 10_000 })
  const result = await run().catch((error: unknown) => {
    if (repeatable && isConflict(error)) return run()
    throw error
  })
  wakeFeed(db)
  return result
}
