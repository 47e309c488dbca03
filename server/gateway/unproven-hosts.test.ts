import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { z } from 'zod'
import { helloSignatureText } from '@/contracts/host/v1'
import { appRouter } from '@/server/api/root'
import { toApiContext } from '@/server/api/http'
import { startTestServer } from '@/server/api/testing/server'
import { registerHost } from '@/server/store/hosts'
import { HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'

let test: Awaited<ReturnType<typeof startTestServer>>
let http: Server
let gateway: ReturnType<typeof createGateway>
const sessions = new HostSessions()
const keys = generateKeyPairSync('ed25519')
const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

beforeAll(async () => {
  test = await startTestServer()
  await registerHost(test.db, 'h1', publicKey)
  gateway = createGateway({
    db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, streams: new StreamBroker(sessions, test.server.log), publicUrl: 'http://console.example', router: appRouter,
    unprovenLimits: { maxOfAddress: 3, maxSockets: 5 }, helloWithinMs: 600_000,
    live: new LiveSockets(test.server.feed),
    authenticate: () => Promise.resolve(null),
    createContext: (_, actor) => toApiContext(test.server, actor, '', ''),
  })
  http = createServer().on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0)
  await once(http, 'listening')
})
afterAll(async () => {
  gateway.close()
  http.close()
  await test.stop()
})

async function open(address = '127.0.0.1'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${address}:${(http.address() as AddressInfo).port}/ws/host`, { localAddress: address }).on('error', () => {})
  await once(socket, 'open')
  return socket
}

const answer = z.object({ id: z.number(), result: z.object({ data: z.unknown() }).optional(), error: z.object({ message: z.string() }).optional() })

/** Calls a procedure as a host does. */
async function call(socket: WebSocket, method: 'query' | 'mutation', path: string, input: unknown) {
  const received = once(socket, 'message')
  socket.send(JSON.stringify({ id: 1, method, params: { path, input } }))
  const [data] = (await received) as [Buffer]
  return answer.parse(JSON.parse(data.toString()))
}

async function sayHello(socket: WebSocket): Promise<void> {
  const { nonce } = z.object({ nonce: z.string() }).parse((await call(socket, 'query', 'host.challenge', undefined)).result?.data)
  const bootId = randomUUID()
  const signature = sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64')
  const said = await call(socket, 'mutation', 'host.hello', { version: 1, name: 'h1', publicKey, signature, bootId, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 } })
  expect(said.error).toBeUndefined()
}

it('a socket that has said no hello is ended after 64 KiB, of which no message need be whole', async () => {
  const socket = await open()
  const closed = once(socket, 'close')
  for (let i = 0; i < 9; i += 1) socket.send(Buffer.alloc(8 << 10, 32), { fin: false })
  await closed
})

it('one that has may send more', async () => {
  const socket = await open()
  await sayHello(socket)
  expect((await call(socket, 'mutation', 'host.heartbeat', { wrong: 'x'.repeat(1 << 20) })).error?.message).toContain('bootId')
  expect(socket.readyState).toBe(WebSocket.OPEN)
  socket.close()
  await once(socket, 'close')
})

it('of those that wait the oldest goes, of one address first, and none that has said hello', async () => {
  const known = await open()
  await sayHello(known)
  const first = await open()
  const goes = once(first, 'close')
  const waiting = [await open(), await open(), await open()]
  await goes
  const [oldest] = waiting
  const isOver = once(oldest!, 'close')
  waiting.push(await open('127.0.0.2'), await open('127.0.0.3'))
  waiting.push(await open('127.0.0.4'))
  await isOver
  expect([known, ...waiting].map((socket) => socket.readyState === WebSocket.OPEN)).toEqual([true, false, true, true, true, true, true])
  for (const socket of [known, ...waiting]) socket.terminate()
})
