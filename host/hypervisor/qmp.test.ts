import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { QmpClient, QmpLost, QmpRefusal } from './qmp'

const greeting = { QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: '' }, capabilities: ['oob'] } }
const Request = z.object({ execute: z.string(), arguments: z.record(z.string(), z.unknown()), id: z.number() })
type Request = z.infer<typeof Request>

let folder: string
let server: Server | undefined
const sockets = new Set<Socket>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  server?.close()
  await rm(folder, { recursive: true, force: true })
})

/** A monitor that greets, agrees on capabilities and lets the test answer the rest. */
async function monitor(answer: (request: Request, send: (message: unknown) => void, socket: Socket) => void, hello: unknown = greeting): Promise<string> {
  const path = join(folder, 'qmp.sock')
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const send = (message: unknown) => socket.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\r\n`)
    send(hello)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const request = Request.parse(JSON.parse(line))
        if (request.execute === 'qmp_capabilities') send({ return: {}, id: request.id })
        else answer(request, send, socket)
      }
    })
  })
  await new Promise<void>((resolve) => server?.listen(path, resolve))
  return path
}

test('answers find their commands in any order, between events', async () => {
  const held: Request[] = []
  const client = await QmpClient.connect(
    await monitor((request, send) => {
      held.push(request)
      if (held.length < 2) return
      send({ event: 'RESUME', timestamp: { seconds: 1, microseconds: 2 } })
      for (const one of held.reverse()) send({ return: { status: one.execute }, id: one.id })
    }),
  )
  const Status = z.object({ status: z.string() })
  const event = client.nextEvent((e) => e.event === 'RESUME', 'resuming', 5000)
  expect(await Promise.all([client.execute('one', {}, Status), client.execute('two', {}, Status)])).toEqual([{ status: 'one' }, { status: 'two' }])
  expect((await event).event).toBe('RESUME')
  client.close()
})

test('a refusal carries the command and the words of QEMU, and the connection goes on', async () => {
  const client = await QmpClient.connect(
    await monitor((request, send) => send(request.execute === 'stop' ? { return: {}, id: request.id } : { error: { class: 'GenericError', desc: 'Device not found' }, id: request.id })),
  )
  const refused = client.command('device_del', { id: 'x' })
  await expect(refused).rejects.toThrow('device_del: Device not found')
  await expect(refused).rejects.toBeInstanceOf(QmpRefusal)
  await client.command('stop')
  client.close()
})

test('a message may come in pieces', async () => {
  const client = await QmpClient.connect(
    await monitor((request, send, socket) => {
      const text = JSON.stringify({ return: { status: 'running' }, id: request.id })
      socket.write(text.slice(0, 7), () => socket.write(text.slice(7), () => send('\r\n')))
    }),
  )
  expect(await client.execute('query-status', {}, z.object({ status: z.string() }))).toEqual({ status: 'running' })
  client.close()
})

const hostile: [string, (request: Request, send: (message: unknown) => void, socket: Socket) => void, RegExp][] = [
  ['a line without an end', (_, __, socket) => socket.write('x'.repeat(5 << 20)), /too long/],
  ['a whole line that is too long', (_, __, socket) => socket.write(`${' '.repeat(5 << 20)}\n`), /too long/],
  ['something that is not JSON', (_, send) => send('hello\n'), /not JSON/],
  ['JSON of no known kind', (_, send) => send({ surprise: true }), /unknown kind/],
  ['a null', (_, send) => send('null\n'), /unknown kind/],
  ['an answer that nobody asked for', (request, send) => send({ return: {}, id: request.id + 7 }), /nobody asked/],
  ['an error without an id', (_, send) => send({ error: { class: 'X', desc: 'y' } }), /nobody asked/],
  ['an answer of another shape', (request, send) => send({ return: { status: 7 }, id: request.id }), /not what it should be/],
  ['a flood of events', (_, __, socket) => socket.write(`${JSON.stringify({ event: 'RTC_CHANGE' })}\n`.repeat(20_000)), /floods/],
  ['the end of the connection', (_, __, socket) => socket.destroy(), /closed its monitor/],
  ['silence', () => {}, /did not answer query-status within 50 ms/],
]

for (const [what, answer, message] of hostile) {
  test(`${what} ends the connection and every command of it`, async () => {
    const client = await QmpClient.connect(await monitor(answer))
    const closed = new Promise<QmpLost>((resolve) => client.once('close', resolve))
    const event = client.nextEvent(() => false, 'nothing', 10_000)
    event.catch(() => {})
    await expect(client.execute('query-status', {}, z.object({ status: z.string() }), { timeoutMs: what === 'silence' ? 50 : 10_000 })).rejects.toThrow(message)
    expect(await closed).toBeInstanceOf(QmpLost)
    await expect(event).rejects.toBeInstanceOf(QmpLost)
    await expect(client.command('stop')).rejects.toBeInstanceOf(QmpLost)
    expect(client.closed).toBe(true)
  })
}

test('what does not greet as a monitor, or not at all, is refused', async () => {
  await expect(QmpClient.connect(await monitor(() => {}, { event: 'STOP' }))).rejects.toThrow('did not greet')
  server?.close()
  await rm(join(folder, 'qmp.sock'), { force: true })
  await expect(QmpClient.connect(await monitor(() => {}, ''), { timeoutMs: 50 })).rejects.toThrow('did not greet within 50 ms')
  await expect(QmpClient.connect(join(folder, 'missing'))).rejects.toThrow('ENOENT')
})

test('connecting can be aborted', async () => {
  const abort = new AbortController()
  const connecting = QmpClient.connect(await monitor(() => {}, ''), { signal: abort.signal })
  abort.abort()
  await expect(connecting).rejects.toThrow('aborted')
})
