import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Channel, encodeFrame, FrameError, FrameType, headerBytes, maxControlBytes, maxDataBytes, writeHeader, type FrameHeader } from '@/contracts/guest/v1/frame'
import { FrameDecoder } from '@/contracts/guest/v1/frame-decoder'
import { results } from '@/contracts/guest/v1/answers'
import { GuestMessage } from '@/contracts/guest/v1/messages'
import { methods, Request } from '@/contracts/guest/v1/requests'
import { GuestClient } from '@/host/guest/client'
import { GuestConnectionError, GuestRequestError } from '@/host/guest/errors'
import { ExecSession } from '@/host/guest/exec-session'
import { checkShape } from '@/host/guest/message-bounds'
import { control, emptyHello, FakeGuest } from '@/host/guest/testing/fake-guest'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'

/** The bytes in pieces. */
function cut(bytes: Uint8Array, points: readonly number[]): Uint8Array[] {
  const at = [0, ...points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((to, index) => bytes.subarray(at[index], to))
}

const small = fc.uint8Array({ minLength: 1, maxLength: 200 })
const empty = new Uint8Array(0)
const channel = fc.constantFrom(Channel.stdin, Channel.stdout, Channel.stderr)
const number = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(0xffff_ffff, 0x8000_0000))
/** Frames that keep every rule of the framing. */
const lawful = fc.oneof(
  fc.tuple(number, channel, small).map(([stream, of, payload]) => encodeFrame(FrameType.data, stream, of, payload)),
  fc.tuple(number, channel, fc.uint8Array({ minLength: 4, maxLength: 4 })).map(([stream, of, payload]) => encodeFrame(FrameType.credit, stream, of, payload)),
  fc.tuple(number, channel).map(([stream, of]) => encodeFrame(FrameType.end, stream, of, empty)),
  fc.oneof(small, fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)))).map((payload) => encodeFrame(FrameType.control, 0, 0, payload)),
)
/** Headers of any kind, with payloads of any length. */
const lawless = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(0xffff), fc.nat(0xffff_ffff), fc.oneof(fc.nat(40), fc.constantFrom(maxDataBytes, maxDataBytes + 1, maxControlBytes, maxControlBytes + 1, 0xffff_ffff, 0x8000_0000)), small).map(([type, of, reserved, stream, length, payload]) => {
    const bytes = Buffer.alloc(headerBytes)
    bytes.writeUInt8(type % 8, 0)
    bytes.writeUInt8(of % 4, 1)
    bytes.writeUInt16BE(reserved % 3 === 0 ? reserved : 0, 2)
    bytes.writeUInt32BE(stream % 5 === 0 ? stream : stream % 3, 4)
    bytes.writeUInt32BE(length, 8)
    return Buffer.concat([bytes, payload])
  }),
  small,
)

const messageOf = (payload: Uint8Array): { hex: string } => ({ hex: Buffer.from(payload).toString('hex') })
function decode(chunks: readonly Uint8Array[]): { seen: { header: FrameHeader; hex: string }[]; error: unknown } {
  const seen: { header: FrameHeader; hex: string }[] = []
  const decoder = new FrameDecoder((header, payload) => seen.push({ header, ...messageOf(payload) }))
  try {
    for (const chunk of chunks) decoder.push(chunk)
    return { seen, error: null }
  } catch (error) {
    return { seen, error }
  }
}

/** Values like those that a schema has, with some that it must not have. */
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(fc.constantFrom<unknown>(null, true, 0, -1, 1, 1.5, 255, 256, 2 ** 53, 1e308, '', 'web', '/x', 'a\u0000b', '\ud800', 'pod\n', '__proto__', 'hello', 'event', 'response', 'containerExited', 'execExited'), fc.string({ maxLength: 20 })),
  tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(fc.constantFrom('kind', 'event', 'id', 'result', 'error', 'code', 'message', 'object', 'container', 'containers', 'stream', 'exitCode', 'signal', 'oomKilled', 'at', 'version', 'bootId', 'instance', 'kernel', 'images', 'stdout', 'stderr', 'acknowledged', 'start', 'stdinFree', 'terminal', 'exited', '__proto__', 'constructor', 'method', 'params'), tie('tree'), { maxKeys: 8 })),
})).tree

describe('frames', () => {
  it('that keep the rules come out whole, however they are cut and padded', () => {
    fc.assert(
      fc.property(fc.array(lawful, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(3000), { maxLength: 40 }), fc.nat(30), (frames, points, padding) => {
        const whole = frames.map((frame) => decode([frame]).seen[0])
        const { seen, error } = decode(cut(Buffer.concat(frames.flatMap((frame) => [Buffer.alloc(padding), frame])), points))
        expect(error).toBeNull()
        expect(seen).toEqual(whole)
      }),
      { numRuns: fuzzRuns(200) },
    )
  }, fuzzTimeout(20_000))

  it('that break them end in a FrameError, at the same frame however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(lawful, lawless), { maxLength: 12 }), fc.array(fc.nat(3000), { maxLength: 40 }), (frames, points) => {
        const bytes = Buffer.concat(frames)
        const [whole, pieces, single] = [decode([bytes]), decode(cut(bytes, points)), decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))]
        for (const { error } of [whole, pieces, single]) expect(error === null || error instanceof FrameError).toBe(true)
        expect([pieces, single].map(({ seen, error }) => [seen, String(error)])).toEqual(Array.from({ length: 2 }, () => [whole.seen, String(whole.error)]))
      }),
      { numRuns: fuzzRuns(200) },
    )
  }, fuzzTimeout(20_000))

  it('as a guest reads them begin afresh with the next attach after any garbage that ends', () => {
    const attach = new Uint8Array(headerBytes + 16).fill(7)
    writeHeader(attach, 0, { type: FrameType.attach, channel: 0, stream: 0, length: 16 })
    fc.assert(
      fc.property(fc.array(lawless, { maxLength: 6 }), fc.array(fc.nat(3000), { maxLength: 10 }), (frames, points) => {
        let attached = 0
        const decoder = new FrameDecoder((header) => (attached += header.type === FrameType.attach ? 1 : 0))
        const push = (chunk: Uint8Array) => {
          try {
            decoder.push(chunk)
          } catch (error) {
            expect(error).toBeInstanceOf(FrameError)
            decoder.reset()
          }
        }
        for (const piece of cut(Buffer.concat(frames), points)) push(piece)
        // What a host does that gets no answer: it pads a begun frame out and attaches again, then once more.
        for (let times = 0; times < 3; times += 1) {
          push(new Uint8Array(maxControlBytes + headerBytes))
          push(attach)
        }
        expect(attached).toBeGreaterThan(0)
      }),
      { numRuns: fuzzRuns(60) },
    )
  }, fuzzTimeout(20_000))
})

describe('messages', () => {
  it('of any shape are taken or refused, and what is taken is what was said', () => {
    const schemas = [GuestMessage, Request, ...Object.values(methods), ...Object.values(results)]
    fc.assert(
      fc.property(value, (message) => {
        for (const schema of schemas) {
          const parsed = schema.safeParse(message)
          if (parsed.success) expect(schema.safeParse(JSON.parse(JSON.stringify(parsed.data))).success).toBe(true)
        }
        expect('polluted' in {}).toBe(false)
      }),
      { numRuns: fuzzRuns(150) },
    )
  }, fuzzTimeout(20_000))

  it('are looked at for their shape as the parser sees it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => checkShape(Buffer.from(text.padEnd(5000)))),
      { numRuns: fuzzRuns(200) },
    )
    const nested = (depth: number, inside: string) => Buffer.from(`${'{"a":['.repeat(depth / 2)}${inside}${']}'.repeat(depth / 2)}`.padEnd(5000))
    expect(() => checkShape(nested(32, '1'))).not.toThrow()
    expect(() => checkShape(nested(34, '1'))).toThrow(FrameError)
    expect(() => checkShape(nested(2, `"${'[{,'.repeat(60_000)}\\"${']'.repeat(100)}"`))).not.toThrow()
    fc.assert(fc.property(fc.uint8Array({ minLength: 4097, maxLength: 6000 }), (bytes) => {
      try {
        checkShape(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
      }
    }), { numRuns: fuzzRuns(30) })
  }, fuzzTimeout(20_000))
})

describe('a client', () => {
  let guest: FakeGuest
  beforeAll(async () => {
    guest = await FakeGuest.listen()
  })
  afterAll(() => guest.close())
  beforeEach(() => {
    guest.answers = { exec: () => ({ result: { pid: 1 } }) }
  })

  const running = { container: 'web', stream: 1, exited: null, terminal: false, stdout: { acknowledged: 0, start: 0 }, stderr: { acknowledged: 0, start: 0 }, stdinFree: 100 }

  it('of a guest that says anything settles all that was asked, by an answer or an error of its own kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(lawful, lawless, value.map((message) => encodeFrame(FrameType.control, 0, 0, Buffer.from(JSON.stringify(message) ?? 'null')))), { maxLength: 10 }), fc.array(fc.nat(3000), { maxLength: 6 }), async (frames, points) => {
        guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...emptyHello, containers: [running] })])
        const client = await GuestClient.connect(guest.path, { requestTimeoutMs: 40, killedWithinMs: 10 })
        const session = await client.exec({ container: 'web', args: ['x'], env: [], cwd: null, user: null, stdin: true, terminal: null }).catch((error: unknown) => error)
        const asked = [client.ping(), client.stats(), client.listFolder({ container: 'web', path: '/', after: null, limit: 10 })].map((each) => each.catch((error: unknown) => error))
        for (const piece of cut(Buffer.concat(frames), points)) guest.send(piece)
        for (const result of await Promise.all(asked)) expect(result instanceof GuestConnectionError || result instanceof GuestRequestError || !(result instanceof Error)).toBe(true)
        client.close()
        if (session instanceof ExecSession) await session.exit.catch((error: unknown) => expect(error).toBeInstanceOf(GuestConnectionError))
        else expect(session).toBeInstanceOf(Error)
        await expect(client.ping()).rejects.toBeInstanceOf(GuestConnectionError)
      }),
      { numRuns: fuzzRuns(50) },
    )
  }, fuzzTimeout(60_000))

  it('of a guest that greets with anything connects to it or says why not, in time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(lawful, lawless, fc.constant(control(emptyHello))), { maxLength: 4 }), small, async (frames, remnant) => {
        guest.greeting = (nonce) => Buffer.concat([remnant, nonce, ...frames])
        const client = await GuestClient.connect(guest.path, { helloTimeoutMs: 20 }).catch((error: unknown) => error)
        if (client instanceof GuestClient) client.close()
        else expect(client).toBeInstanceOf(GuestConnectionError)
      }),
      { numRuns: fuzzRuns(50) },
    )
  }, fuzzTimeout(60_000))
})
