import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient, type Prisma } from '@/generated/prisma/client'
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

/**
 * Runs one transaction and wakes the readers of the change feed after its commit. NOTIFY stays out of the transaction,
 * since PostgreSQL takes a global lock for it until the commit.
 */
export async function inTransaction<T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const result = await db.$transaction(work, { timeout: 15_000, maxWait: 10_000 })
  wakeFeed(db)
  return result
}
