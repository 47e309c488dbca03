import { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@/generated/prisma/client'
import type { DatabaseClient } from '../database'

/** A client of a database that says how many statements it has sent and how many bytes it was answered, also of statements with some text and parameters: what work costs, whatever the machine. */
export function openCountedDatabase(url: string): { db: DatabaseClient; statements: () => number; bytes: () => number; sent: (part: string, params?: string) => number } {
  const sockets: Socket[] = []
  const stream = () => {
    const socket = new Socket()
    sockets.push(socket)
    return socket
  }
  const queries: { query: string; params: string }[] = []
  const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 12, stream }), log: [{ emit: 'event', level: 'query' }] })
  db.$on('query', ({ query, params }) => void queries.push({ query, params }))
  return { db, statements: () => queries.length, bytes: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0), sent: (part, params = '') => queries.filter((one) => one.query.includes(part) && one.params.includes(params)).length }
}
