import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { QmpClient, QmpLost, QmpRefusal } from './qmp'
import { LineReader, type Line } from './qmp-lines'

const greeting = `${JSON.stringify({ QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: '' }, capabilities: [] } })}\r\n`
const Request = z.object({ execute: z.string(), id: z.number() })

let folder: string
let server: Server
let path: string
/** What the monitor says to the nth command of a connection; it agrees on capabilities by itself. */
let answer: (id: number, socket: Socket) => void = () => {}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'))
  path = join(folder, 'sock')
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(greeting)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString()).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const request = Request.parse(JSON.parse(line))
        if (request.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${request.id}}\r\n`)
        else answer(request.id, socket)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
})

afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  answer = () => {}
})

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const at = [0, ...points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((to, index) => bytes.subarray(at[index], to))
}

const read = (reader: LineReader, chunks: readonly Buffer[]): Line[] => chunks.flatMap((chunk) => [...reader.push(chunk)].map((line) => (typeof line === 'string' ? line : Buffer.from(line))))

test('lines survive any cut, and hold no more than one of them', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), fc.array(fc.nat(4000), { maxLength: 40 }), (parts, points) => {
      const bytes = Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]))
      const lines = bytes.toString('latin1').split('\n').slice(0, -1)
      const out = read(new LineReader(1000, 1 << 20), cut(bytes, points))
      expect(out.map((line) => (typeof line === 'string' ? line : line.toString('latin1')))).toEqual(lines)
    }),
    { numRuns: fuzzRuns(200) },
  )
  const tiny = new LineReader(1 << 20, 1 << 20)
  const before = process.memoryUsage()
  for (let byte = 0; byte < 1 << 20; byte += 1) for (const line of tiny.push(Buffer.from('x'))) expect(line).toBeUndefined()
  const after = process.memoryUsage()
  expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(64 << 20)
  expect([...tiny.push(Buffer.from('x'))]).toEqual(['too long'])
}, fuzzTimeout(20_000))

const json = fc.json({ maxDepth: 4 })
/** Texts that are nearly what QEMU says. */
const nearly = fc.oneof(
  json,
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.record({ return: fc.jsonValue(), id: fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null)) }, { requiredKeys: [] }).map((each) => JSON.stringify(each)),
  fc.record({ error: fc.jsonValue(), id: fc.jsonValue() }, { requiredKeys: [] }).map((each) => JSON.stringify(each)),
  fc.record({ event: fc.jsonValue(), data: fc.jsonValue() }, { requiredKeys: [] }).map((each) => JSON.stringify(each)),
  fc.constantFrom('{"event":"STOP","data":{"__proto__":{"polluted":1}}}', '{"return":{"__proto__":null},"id":2}', '{}', '[]', '""', '0', 'null', '{"QMP":{}}'),
)

test('whatever a monitor answers, a command ends in an answer, a refusal or a lost monitor, and in time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(nearly, { maxLength: 5 }), fc.array(fc.nat(400), { maxLength: 6 }), fc.boolean(), async (texts, points, ends) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
      answer = (_id, socket) => {
        for (const piece of cut(bytes, points)) socket.write(piece)
        if (ends) socket.end()
      }
      const client = await QmpClient.connect(path)
      const result = await client.execute('query-status', {}, z.object({ status: z.string() }), { timeoutMs: 30 }).catch((error: unknown) => error)
      expect(result instanceof QmpLost || result instanceof QmpRefusal || typeof (result as { status?: unknown }).status === 'string').toBe(true)
      client.close()
      await expect(client.command('stop')).rejects.toBeInstanceOf(QmpLost)
      expect('polluted' in {}).toBe(false)
    }),
    { numRuns: fuzzRuns(40), endOnFailure: true },
  )
}, fuzzTimeout(60_000))

test('answers find their commands among events, in any order and cut anywhere, at every byte too', async () => {
  const Numbered = z.object({ number: z.number() })
  const run = async (order: readonly number[], events: readonly number[], points: readonly number[] | 'every byte') => {
    const ids: number[] = []
    answer = (id, socket) => {
      ids.push(id)
      if (ids.length < order.length) return
      const said = order.flatMap((index, position) => [
        ...Array.from({ length: events[position] ?? 0 }, () => JSON.stringify({ event: 'RESUME', data: { text: 'ä"\\n{' } })),
        index % 3 === 2 ? JSON.stringify({ error: { class: 'GenericError', desc: `no ${index}` }, id: ids[index] }) : JSON.stringify({ return: { number: index }, id: ids[index] }),
      ])
      const bytes = Buffer.from(said.map((line) => `${line}\r\n`).join(''))
      for (const piece of points === 'every byte' ? Array.from(bytes, (byte) => Buffer.from([byte])) : cut(bytes, points)) socket.write(piece)
    }
    const client = await QmpClient.connect(path)
    let heard = 0
    client.on('event', () => (heard += 1))
    const results = await Promise.allSettled(order.map((_, index) => client.execute(`command-${index}`, {}, Numbered)))
    expect(results.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual(order.map((_, index) => (index % 3 === 2 ? expect.stringContaining(`command-${index}: no ${index}`) as unknown : { number: index })))
    expect(heard).toBe(order.reduce((sum, _, position) => sum + (events[position] ?? 0), 0))
    client.close()
  }
  await run([2, 0, 1], [1, 0, 2], 'every byte')
  const orders = fc.integer({ min: 1, max: 8 }).chain((count) => fc.shuffledSubarray(Array.from({ length: count }, (_, index) => index), { minLength: count, maxLength: count }))
  await fc.assert(fc.asyncProperty(orders, fc.array(fc.nat(3), { maxLength: 8 }), fc.array(fc.nat(3000), { maxLength: 30 }), run), { numRuns: fuzzRuns(40) })
}, fuzzTimeout(60_000))

test('a message of more than a hundred thousand values is not parsed', async () => {
  answer = (id, socket) => void socket.write(`{"return": [${'[],'.repeat(100_000)}[]], "id": ${id}}\n`)
  const client = await QmpClient.connect(path)
  await expect(client.command('query-block')).rejects.toThrow('too many values')
})
