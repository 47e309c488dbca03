import { setTimeout } from 'node:timers/promises'
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

/** A process that has all its connections in use lets whoever asks for one more wait this long; so long, too, a new one may take. */
const CONNECT_MS = 10_000

/** Opens the pool. One a process: the Next bundle and the server's own code share it through globalThis. */
export function openDatabase(url: string, connections = 12, connectMs = CONNECT_MS): DatabaseClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connections, connectionTimeoutMillis: connectMs }) })
}

/** PostgreSQL's codes for a transaction that only met another one: it could not be serialized, or was chosen to end a deadlock. */
const conflictCodes = ['40001', '40P01']
const rawFailure = z.object({ meta: z.object({ driverAdapterError: z.object({ cause: z.object({ originalCode: z.enum(conflictCodes) }) }) }) })
const isConflict = (error: unknown): boolean => error instanceof Prisma.PrismaClientKnownRequestError && (error.code === 'P2034' || rawFailure.safeParse(error).success)

/** Prisma's codes: not reached, slow to answer, closed, no connection free in time, no transaction begun or ended in time, too many connections. */
const unavailableCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037'])
/** PostgreSQL's codes: the connection (class 08), no connection left, ended by an operator or a crash, starting up. */
const unavailableState = /^(08...|53300|57P0[123])$/
const withState = z.object({ meta: z.object({ driverAdapterError: z.object({ cause: z.object({ originalCode: z.string() }) }) }) })
/** What fails where a transaction begins or ends is the adapter's own error, which Prisma does not wrap. */
const bareState = z.object({ name: z.literal('DriverAdapterError'), cause: z.object({ originalCode: z.string() }) })
/** What pg and pg-pool throw of themselves has no code: these are their words for a connection that is not there (any more). */
const lostConnections = new Set(['Connection terminated', 'Connection terminated unexpectedly', 'Connection terminated due to connection timeout', 'Client has encountered a connection error and is not queryable', 'Client was closed and is not queryable', 'timeout exceeded when trying to connect'])

/** Whether the work waited for longer than its `lock_timeout` for what another transaction holds. */
export function isLockTimeout(error: unknown): boolean {
  const state = withState.safeParse(error)
  return state.success && state.data.meta.driverAdapterError.cause.originalCode === '55P03'
}

/** Whether the database was not there for the work, which may be asked for again; any other failure is the work's own. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientKnownRequestError && unavailableCodes.has(error.code)) return true
  const wrapped = withState.safeParse(error)
  const bare = bareState.safeParse(error)
  const state = wrapped.data?.meta.driverAdapterError.cause.originalCode ?? bare.data?.cause.originalCode
  return (state !== undefined && unavailableState.test(state)) || (error instanceof Error && lostConnections.has(error.message))
}

/**
 * Does what a process needs of the database before it can begin, as soon as the database is there: at a start of the machine,
 * or after a crash, it may come later. `onWait` is told before each further try why.
 */
export async function whenAvailable<T>(work: () => Promise<T>, onWait: (error: unknown) => void, pauseMs = 1000): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      onWait(error)
      await setTimeout(pauseMs)
    }
  }
}

/** How often what only met another transaction is done again. */
const REPETITIONS = 3
/** Who is ended for a deadlock gives the other this long, and up to twice, to take what it waited for: whoever begins again at once may take it first, and end in the next deadlock. */
const GIVE_WAY_MS = 25

/**
 * Runs one transaction and wakes the readers of the change feed after its commit. NOTIFY stays out of the transaction,
 * since PostgreSQL takes a global lock for it until the commit. `repeatable`: the work has no effect outside the database, so
 * that it is done again where another transaction was in its way.
 */
export async function inTransaction<T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>, { repeatable = false } = {}): Promise<T> {
  for (let left = repeatable ? REPETITIONS : 0; ; left--) {
    try {
      const result = await db.$transaction(work, { timeout: 15_000, maxWait: 10_000 })
      wakeFeed(db)
      return result
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error
      await setTimeout(GIVE_WAY_MS * (1 + Math.random()))
    }
  }
}

/** No lock is waited for for longer in this transaction (`isLockTimeout`). */
export const waitAtMost = (tx: Transaction, ms: number) => tx.$executeRaw`select set_config('lock_timeout', ${`${ms}ms`}, true)`

/** Reads everything as it was at one time, without holding anybody up. */
export const inSnapshot = <T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>): Promise<T> => db.$transaction(work, { isolationLevel: 'RepeatableRead', timeout: 15_000, maxWait: 10_000 })
