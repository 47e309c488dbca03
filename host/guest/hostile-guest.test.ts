import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Channel, encodeCredit, encodeFrame, FrameType, inputWindow, maxControlBytes } from '@/contracts/guest/v1/frame'
import { Request } from '@/contracts/guest/v1/requests'
import { GuestClient, type GuestClientOptions } from '@/host/guest/client'
import type { ExecSession } from '@/host/guest/exec-session'
import { bareHeader, control, emptyHello, FakeGuest } from '@/host/guest/testing/fake-guest'
import { liveBytes } from '@/tools/testing/live-memory'
import { threadTimeMs, threadWaitMs } from '@/tools/testing/thread-time'

let guest: FakeGuest
let neighbour: FakeGuest
const clients: GuestClient[] = []

beforeEach(async () => {
  guest = await FakeGuest.listen()
  neighbour = await FakeGuest.listen()
  guest.answers.exec = () => ({ result: { pid: 42 } })
  for (const each of [guest, neighbour]) each.answers.ping = () => ({ result: { time: 1 } })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await Promise.all([guest.close(), neighbour.close()])
})

async function connect(to: FakeGuest, options: GuestClientOptions = {}): Promise<GuestClient> {
  const client = await GuestClient.connect(to.path, { helloTimeoutMs: 10_000, ...options })
  clients.push(client)
  return client
}

const exec = (on: GuestClient): Promise<ExecSession> => on.exec({ container: 'c', args: ['x'], env: [], cwd: null, user: null, stdin: true, terminal: null })
const closing = (client: GuestClient): Promise<Error | undefined> => new Promise((resolve) => client.once('closed', resolve))
const json = (text: string | Buffer): Uint8Array => encodeFrame(FrameType.control, 0, 0, Buffer.from(text))
const nothing = new Uint8Array(0)
const answer = (id: number, result: string): Uint8Array => json(`{"kind":"response","id":${id},"result":${result}}`)
const exit = { kind: 'event', event: 'containerExited', container: 'web', exitCode: 0, signal: null, oomKilled: false, at: 1 }
const running = (more: object = {}) => ({ container: 'web', stream: 1, exited: null, terminal: false, stdout: { acknowledged: 0, start: 0 }, stderr: { acknowledged: 0, start: 0 }, stdinFree: 0, ...more })

/** Sends the same bytes for as long as they are taken and the connection lasts. Resolves with how many bytes that were. */
async function flood(bytes: Uint8Array, until: Promise<unknown>): Promise<number> {
  let over = false
  void until.then(() => (over = true))
  let sent = 0
  while (!over && guest.socket && !guest.socket.destroyed) {
    const { socket } = guest
    sent += bytes.length
    socket.write(bytes)
    do await delay(1)
    while (!over && !socket.destroyed && socket.writableNeedDrain)
  }
  return sent
}

/** A request of the neighbour's is answered after at most so many milliseconds of anything else: of this thread's own time, for others use the machine too. */
const longestBlockMs = 1_000
const maxGrowthBytes = 96 << 20

/** Runs `attack` beside a neighbour that is asked again and again; nothing of it may cost the neighbour, nor memory. Returns how often it answered. */
async function besideNeighbour(attack: () => Promise<unknown>): Promise<number> {
  const other = await connect(neighbour)
  const before = liveBytes()
  let most = 0
  let answers = 0
  let over = false
  let longestMs = 0
  const asking = (async () => {
    while (!over) {
      const began = threadTimeMs()
      await other.ping()
      longestMs = Math.max(longestMs, threadTimeMs() - began)
      answers += 1
      const { heapUsed, external } = process.memoryUsage()
      // A collection stops the thread for long: what more there is than may be is first of all what waits for one.
      const more = heapUsed + external - before
      most = Math.max(most, more < maxGrowthBytes ? more : liveBytes() - before)
      await delay(2)
    }
  })()
  await attack()
  over = true
  await asking
  expect(longestMs).toBeLessThan(longestBlockMs)
  expect(most).toBeLessThan(maxGrowthBytes)
  expect(answers).toBeGreaterThan(0)
  return answers
}

describe('a hostile agent costs its own connection, and says why', () => {
  const big = maxControlBytes
  it.each<[string, RegExp, () => Uint8Array[]]>([
    ['a length of 2^32 - 1', /control frame of 4294967295 bytes/, () => [bareHeader(FrameType.control, 0, 0, 0xffff_ffff)]],
    ['a negative length', /data frame of 4294967295 bytes/, () => [Buffer.concat([bareHeader(FrameType.data, 1, 1, 0).subarray(0, 8), Buffer.from('ffffffff', 'hex')])]],
    ['compressed bytes', /unknown frame type 31|frame with reserved bits/, () => [Buffer.from('1f8b0800000000000003', 'hex'), Buffer.alloc(40, 7)]],
    ['a megabyte of brackets', /nested too deep/, () => [json('['.repeat(big / 2) + ']'.repeat(big / 2))]],
    ['brackets in an answer', /nested too deep/, () => [answer(1, `${'['.repeat(big / 2 - 50)}${']'.repeat(big / 2 - 50)}`)]],
    ['objects in objects', /nested too deep/, () => [json(`${'{"a":'.repeat(big / 6 - 1)}1${'}'.repeat(big / 6 - 1)}`)]],
    ['half a million values', /too many values/, () => [answer(1, `[${'[],'.repeat(big / 3 - 50)}[]]`)]],
    ['invalid UTF-8', /not JSON/, () => [json(Buffer.from([0x22, 0xc3, 0x28, 0x22]))]],
    ['an exit code of 2^53', /not as agreed/, () => [control({ ...exit, exitCode: 2 ** 53 })]],
    ['a negative exit code', /not as agreed/, () => [control({ ...exit, exitCode: -1 })]],
    ['an exit code with a fraction', /not as agreed/, () => [control({ ...exit, exitCode: 0.5 })]],
    ['an exit code that is a text', /not as agreed/, () => [control({ ...exit, exitCode: '0' })]],
    ['an exit code that is not a number', /not JSON/, () => [json(JSON.stringify(exit).replace('"exitCode":0', '"exitCode":NaN'))]],
    ['a signal of nobody', /not as agreed/, () => [control({ ...exit, signal: 65 })]],
    ['a termination message without an end', /not as agreed/, () => [control({ ...exit, terminationMessage: 'x'.repeat(4097) })]],
    ['a name with control characters', /not as agreed/, () => [control({ ...exit, container: 'web\u001b[2J\n' })]],
    ['a message of two kinds', /not as agreed/, () => [control({ kind: ['event', 'response'], id: 1 })]],
    ['no object at all', /not as agreed/, () => [json('null')]],
    ['input for the host', /input from the guest/, () => [encodeFrame(FrameType.data, 1, Channel.stdin, Buffer.from('x'))]],
    ['credit of 2^32 - 1', /credit for input that was never sent/, () => [encodeCredit(1, Channel.stdin, 0xffff_ffff)]],
    ['a reused stream', /data after the end of an output/, () => [encodeFrame(FrameType.end, 1, Channel.stdout, nothing), encodeFrame(FrameType.data, 1, Channel.stdout, Buffer.from('x'))]],
    ['a second hello', /second hello/, () => [control(emptyHello)]],
  ])('%s', async (_name, reason, frames) => {
    guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...emptyHello, containers: [running()] })])
    const client = await connect(guest)
    const end = closing(client)
    await besideNeighbour(async () => {
      guest.send(...frames())
      const error = await end
      expect(error).toMatchObject({ name: 'GuestConnectionError', message: expect.stringMatching(reason) as unknown })
      expect(error?.message).toMatch(/^the agent in the virtual machine broke its protocol \(/)
    })
  })

  it.each<[string, RegExp, () => Uint8Array, number]>([
    ['padding', /padding without an end/, () => Buffer.alloc(64 * 1024), 4 << 20],
    ['garbage after a while of padding', /unknown frame type|padding/, () => Buffer.concat([Buffer.alloc(1000), Buffer.alloc(64 * 1024, 0xee)]), 4 << 20],
    ['ends of one stream', /say nothing/, () => Buffer.concat(Array.from({ length: 5000 }, () => encodeFrame(FrameType.end, 1, Channel.stdout, nothing))), 4 << 20],
    ['credit of nothing', /say nothing/, () => Buffer.concat(Array.from({ length: 4000 }, () => encodeCredit(1, Channel.stdin, 0))), 4 << 20],
    ['frames for streams of nobody', /streams that do not exist/, () => Buffer.concat(Array.from({ length: 2000 }, (_, index) => encodeFrame(FrameType.data, 1000 + index, Channel.stdout, Buffer.alloc(20)))), 4 << 20],
    ['answers to nobody', /nobody asked for/, () => Buffer.concat(Array.from({ length: 500 }, (_, index) => control({ kind: 'response', id: 70_000 + index, result: {} }))), 4 << 20],
    ['large answers to nobody', /nobody asked for/, () => answer(70_000, `"${'x'.repeat(maxControlBytes - 100)}"`), 64 << 20],
    ['exits of one container', /nobody asked for/, () => Buffer.concat(Array.from({ length: 500 }, () => control(exit))), 4 << 20],
    ['exits of sessions that there are not', /nobody asked for/, () => Buffer.concat(Array.from({ length: 500 }, (_, index) => control({ kind: 'event', event: 'execExited', stream: 1 + index, exitCode: 0, signal: null }))), 4 << 20],
    ['small messages before its hello', /before the hello/, () => control({ kind: 'response', id: 1 }), 1 << 20],
  ])('a flood of %s', async (name, reason, bytes, most) => {
    const early = name.includes('before its hello')
    guest.greeting = (nonce) => Buffer.concat([nonce, early ? nothing : control({ ...emptyHello, containers: [running()] })])
    await besideNeighbour(async () => {
      if (early) {
        const refused = connect(guest).catch((error: unknown) => error)
        await guest.until(() => guest.frames.length > 0)
        guest.send(bytes())
        return expect(await refused).toMatchObject({ message: expect.stringMatching(reason) as unknown })
      }
      const client = await connect(guest)
      const end = closing(client)
      const sent = await flood(bytes(), end)
      expect((await end)?.message).toMatch(reason)
      expect(sent).toBeLessThan(most)
    })
  }, 60_000)

  it('an endless frame holds no more than its announced length, and requests fail in their time', async () => {
    delete guest.answers.ping
    const client = await connect(guest, { requestTimeoutMs: 200 })
    await besideNeighbour(async () => {
      guest.send(bareHeader(FrameType.control, 0, 0, maxControlBytes), Buffer.alloc(maxControlBytes - 1, 0x20))
      await expect(client.ping()).rejects.toThrow('did not answer ping within 200 ms')
    })
  })

  it('a flood by the rules, output that nobody reads, leaves the neighbour its turns', async () => {
    const client = await connect(guest)
    const session = await exec(client)
    session.stdout.destroy()
    const frame = encodeFrame(FrameType.data, session.stream, Channel.stdout, Buffer.from('x'))
    const began = threadTimeMs()
    const spent = (async () => {
      while (threadTimeMs() - began < 1_000) await delay(20)
    })()
    expect(await besideNeighbour(() => flood(Buffer.concat(Array.from({ length: 2000 }, () => frame)), spent))).toBeGreaterThan(20)
    expect(await client.ping()).toEqual({ time: 1 })
  })
})

describe('a hostile hello', () => {
  const state = (start: number) => ({ acknowledged: 0, start })
  it.each<[string, RegExp, object]>([
    ['more input than a window', /no host has opened/, { containers: [running({ stdinFree: inputWindow + 1 })] }],
    ['a stream of 2^32 - 1', /no host has opened/, { containers: [running({ stream: 0xffff_ffff })] }],
    ['a stream of 0', /not as agreed/, { containers: [running({ stream: 0 })] }],
    ['bytes of 1e308', /not as agreed/, { containers: [running({ stdout: state(1e308) })] }],
    ['too many containers', /not as agreed/, { containers: Array.from({ length: 257 }, (_, index) => running({ container: `c${index}`, stream: index + 1 })) }],
    ['a container twice', /twice in the hello/, { containers: [running(), running({ stream: 2 })] }],
    ['an instance with a line feed', /not as agreed/, { instance: 'pod\n' }],
    ['another version', /not as agreed/, { version: 1e308 }],
  ])('of %s is refused', async (_name, reason, more) => {
    guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...emptyHello, ...more })])
    await expect(connect(guest)).rejects.toThrow(reason)
  })

  it('that comes late, never, or again after the nonce of another connection is refused in its time', async () => {
    guest.greeting = (nonce) => nonce
    await expect(connect(guest, { helloTimeoutMs: 50 })).rejects.toThrow('did not say hello in time')
    guest.greeting = (nonce) => Buffer.concat([nonce, control(emptyHello), nonce, control(emptyHello)])
    await expect(connect(guest).then((client) => client.ping())).rejects.toThrow('broke its protocol')
  })
})

describe('a port that never drains', () => {
  it('ends the connection after a time, with what waits bounded', async () => {
    const client = await connect(guest, { stalledWithinMs: 300 })
    guest.socket?.pause()
    const end = closing(client)
    await besideNeighbour(async () => {
      const params = { volume: 'v', version: '1', files: [{ path: 'a', mode: 0o600, contentBase64: 'A'.repeat(500_000) }], commit: true }
      const asked = [client.writeFiles(params), client.writeFiles(params)].map((each) => each.catch((error: unknown) => error))
      expect((await end)?.message).toContain('the guest does not read')
      for (const each of await Promise.all(asked)) expect(each).toMatchObject({ name: 'GuestConnectionError' })
    })
  })

  it('is none where it only reads slowly, or where nothing waits for it', async () => {
    const client = await connect(guest, { stalledWithinMs: 100 })
    await delay(250)
    expect(await client.ping()).toEqual({ time: 1 })
  })

  it('bounds the input of a session by its credit, whoever writes', async () => {
    const client = await connect(guest)
    const session = await exec(client)
    session.stdin?.write(Buffer.alloc(8 << 20))
    expect(await client.ping()).toEqual({ time: 1 })
    const received = guest.frames.filter(({ header }) => header.type === FrameType.data).reduce((sum, { payload }) => sum + payload.length, 0)
    expect(received).toBe(inputWindow)
  })
})

describe('lies in answers', () => {
  const statistics = { vm: { memoryTotalBytes: 1, memoryAvailableBytes: 1, cpuMicroseconds: 1 }, containers: [] }
  it.each<[string, string]>([
    ['statistics of 1e308', JSON.stringify({ ...statistics, vm: { ...statistics.vm, memoryTotalBytes: 1e308 } })],
    ['statistics of 1e400', JSON.stringify(statistics).replace('"cpuMicroseconds":1', '"cpuMicroseconds":1e400')],
    ['negative statistics', JSON.stringify({ ...statistics, vm: { ...statistics.vm, cpuMicroseconds: -1 } })],
    ['half a byte', JSON.stringify({ ...statistics, vm: { ...statistics.vm, cpuMicroseconds: 0.5 } })],
    ['a thousand containers', JSON.stringify({ ...statistics, containers: Array.from({ length: 1000 }, (_, index) => ({ container: `c${index}`, cpuMicroseconds: 1, memoryBytes: 1, processes: 1, oomKills: 0 })) })],
    ['no statistics', '[]'],
  ])('%s end the connection', async (_name, result) => {
    const client = await connect(guest)
    const end = closing(client)
    const asked = client.stats()
    await guest.until(() => guest.frames.some(({ header }) => header.type === FrameType.control))
    const { id } = Request.parse(JSON.parse(guest.frames.at(-1)?.payload.toString() ?? ''))
    guest.send(answer(id, result))
    await expect(asked).rejects.toThrow('not as agreed')
    expect((await end)?.message).toContain('stats is not as agreed')
  })

  it('the same answer twice, or another’s first, settles each request once', async () => {
    delete guest.answers.ping
    const client = await connect(guest)
    const [first, second] = [client.ping(), client.ping()]
    await guest.until(() => guest.frames.length >= 3)
    guest.send(answer(2, '{"time":2}'), answer(2, '{"time":3}'), answer(1, '{"time":1}'))
    expect(await Promise.all([first, second])).toEqual([{ time: 1 }, { time: 2 }])
  })

  it('times of the past and the future, and strange prototypes, harm nothing', async () => {
    guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...emptyHello, containers: [running()] })])
    const client = await connect(guest)
    const told = new Promise((resolve) => client.once('containerExited', resolve))
    guest.send(json(JSON.stringify({ ...exit, at: -1e308 }).replace('{', '{"__proto__":{"polluted":true},')))
    expect(await told).toMatchObject({ at: -1e308 })
    expect('polluted' in {}).toBe(false)
    expect(await client.ping()).toEqual({ time: 1 })
  })

  it('messages that are dear to parse take no more than their share of the thread, whatever one costs', async () => {
    delete guest.answers.ping
    const client = await connect(guest)
    const dear = `{"time":1,${Array.from({ length: 45_000 }, (_, index) => `"key${index}":1`).join(',')}}`
    const [began, spentBefore, waitedBefore] = [performance.now(), threadTimeMs(), threadWaitMs()]
    const spent = () => threadTimeMs() - spentBefore
    await besideNeighbour(async () => {
      for (let id = 1; spent() < 1000; id += 1) {
        const asked = client.ping()
        guest.send(answer(id, dear))
        expect(await asked).toMatchObject({ time: 1 })
      }
    })
    // A quarter is the guest's; the neighbour's questions and this test's own work come on top. Without a share it is all the time in which no other program has the processor.
    expect(spent() / (performance.now() - began - (threadWaitMs() - waitedBefore))).toBeLessThan(0.7)
  })
})
