import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { aliasScript } from './alias-script'

/** A nameserver that answers as a test says, and what follows aliases with it. */
let answer: (question: Buffer) => Buffer | null = () => null
let nameserver: Socket
let follower: ChildProcess
let folder: string
let port: number

async function listening(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aliases-'))
  await writeFile(join(folder, 'aliases'), 'db.default.svc.cluster.local sql.example.com\ntwo.default.svc.cluster.local db.default.svc.cluster.local sql.example.com\n')
  nameserver = await listening()
  nameserver.on('message', (question, from: RemoteInfo) => {
    const told = answer(question)
    if (told) nameserver.send(told, from.port, from.address)
  })
  const free = await listening()
  port = free.address().port
  await new Promise<void>((resolve) => free.close(() => resolve()))
  follower = spawn('perl', ['-w', '-e', aliasScript, '--', String(port), '127.0.0.1', String(nameserver.address().port), join(folder, 'aliases')], { stdio: ['ignore', 'inherit', 'inherit'] })
  await vi.waitFor(async () => expect(await ask('nothing.example', 200)).toBe('ENOTFOUND'), { timeout: 10_000, interval: 5 })
})
afterEach(() => void (answer = () => null))
afterAll(async () => {
  follower.kill('SIGKILL')
  nameserver.close()
  await rm(folder, { recursive: true })
})

async function ask(name: string, timeout = 2_000): Promise<unknown> {
  const resolver = new Resolver({ tries: 1, timeout })
  resolver.setServers([`127.0.0.1:${port}`])
  return resolver.resolve4(name).catch((error: unknown) => (error instanceof Error && 'code' in error ? error.code : error))
}

/** The answer to a question: its question, and these records as bytes. */
const reply = (question: Buffer, records: Buffer[], flags = 0x8180): Buffer => {
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(flags, 2)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question.subarray(12), ...records])
}
const record = (owner: string, type: number, data: Buffer): Buffer => {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(60, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([Buffer.from(owner, 'hex'), fixed, data])
}
/** The name of the question, as compression has it. */
const same = 'c00c'

it('answers with the addresses at the end of a chain, whose names it writes out', async () => {
  // sql.example.com is an alias of "x" below example.com, which the answer compresses.
  answer = (question) => reply(question, [record(same, 5, Buffer.from('0178c010', 'hex')), record('0178c010', 1, Buffer.from([198, 51, 100, 7])), record(same, 1, Buffer.from([198, 51, 100, 8, 9])), record(same, 16, Buffer.from([1, 65]))])
  expect(await ask('db.default.svc.cluster.local')).toEqual(['198.51.100.7'])
  expect(await ask('TWO.default.svc.cluster.local')).toEqual(['198.51.100.7'])
})

it('says no as the nameserver does, and that it does not answer', async () => {
  answer = (question) => reply(question, [], 0x8183)
  expect(await ask('db.default.svc.cluster.local')).toBe('ENOTFOUND')
  answer = (question) => reply(question, [], 0x8182)
  expect(await ask('db.default.svc.cluster.local')).toBe('ESERVFAIL')
  answer = () => Buffer.alloc(0)
  expect(await ask('db.default.svc.cluster.local', 300)).toBe('ETIMEOUT')
  // Another's answer is not taken.
  answer = (question) => reply(Buffer.concat([Buffer.of((question[0] ?? 0) ^ 1), question.subarray(1)]), [record(same, 1, Buffer.from([6, 6, 6, 6]))])
  expect(await ask('db.default.svc.cluster.local', 300)).toBe('ETIMEOUT')
})

it('outlives answers and questions of any bytes, and names that lead in circles', { timeout: 30_000 }, async () => {
  const stranger = await listening()
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), fc.nat(20), async (bytes, rest, records) => {
      answer = (question) => {
        const made = Buffer.concat([reply(question, [], 0x8180), Buffer.from(rest)])
        made.writeUInt16BE(records, 6)
        return made
      }
      stranger.send(Buffer.from(bytes), port, '127.0.0.1')
      await ask('db.default.svc.cluster.local', 200)
    }),
    { numRuns: 40 },
  )
  for (const hostile of ['c00cc00c', 'c01dc01c', '3f', 'ff']) {
    answer = (question) => reply(question, [record(same, 5, Buffer.from(hostile, 'hex'))])
    await ask('db.default.svc.cluster.local', 200)
  }
  stranger.close()
  expect(follower.exitCode).toBeNull()
  answer = (question) => reply(question, [record(same, 1, Buffer.from([198, 51, 100, 7]))])
  expect(await ask('db.default.svc.cluster.local')).toEqual(['198.51.100.7'])
})
