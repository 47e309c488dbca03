import { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@/generated/prisma/client'
import type { DatabaseClient } from '../database'

/** A client of a database that says how many statements it has sent and how many bytes it was answered: what work costs, whatever the machine. */
export function openCountedDatabase(url: string): { db: DatabaseClient; statements: () => number; bytes: () => number; sent: (part: string) => number } {
  const sockets: Socket[] = []
  const stream = () => {
    const socket = new Socket()
    sockets.push(socket)
    return socket
  }
  const texts: string[] = []
  const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 12, stream }), log: [{ emit: 'event', level: 'query' }] })
  db.$on('query', ({ query }) => void texts.push(query))
  return { db, statements: () => texts.length, bytes: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0), sent: (part) => texts.filter((text) => text.includes(part)).length }
}
