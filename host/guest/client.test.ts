import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Channel, decodeCredit, encodeCredit, encodeFrame, FrameType, inputWindow, maxControlBytes, maxDataBytes, outputWindow } from '@/contracts/guest/v1/frame'
import { GuestClient } from '@/host/guest/client'
import type { ExecSession } from '@/host/guest/exec-session'
import { bareHeader, control, emptyHello, FakeGuest } from '@/host/guest/testing/fake-guest'

let guest: FakeGuest
let client: GuestClient | undefined

beforeEach(async () => {
  guest = await FakeGuest.listen()
  guest.answers.exec = () => ({ result: { pid: 42 } })
})

afterEach(async () => {
  client?.close()
  client = undefined
  await guest.close()
})

async function connect(): Promise<GuestClient> {
  client = await GuestClient.connect(guest.path, { helloTimeoutMs: 10_000 })
  return client
}

function exec(on: GuestClient): Promise<ExecSession> {
  return on.exec({ container: 'c', args: ['x'], env: [], cwd: null, user: null, stdin: true, terminal: null })
}

function data(stream: number, channel: Channel, bytes: number): Uint8Array {
  return encodeFrame(FrameType.data, stream, channel, new Uint8Array(bytes).fill(120))
}

describe('a connection to a guest', () => {
  it('begins at its own nonce, whatever lay in the socket before', async () => {
    guest.greeting = (nonce) => Buffer.concat([Buffer.alloc(70_000, 3), nonce.subarray(0, 15), nonce, control({ ...emptyHello, instance: 'pod' })])
    expect((await connect()).hello.instance).toBe('pod')
  })

  it.each([
    ['no hello but an answer', () => control({ kind: 'response', id: 1 })],
    ['a hello of another version', () => control({ ...emptyHello, version: 2 })],
    ['a stream twice', () => control({ ...emptyHello, containers: [runningContainer('a', 3), runningContainer('b', 3)] })],
    ['something that is not JSON', () => encodeFrame(FrameType.control, 0, 0, Buffer.from('{'))],
    ['something that is not UTF-8', () => encodeFrame(FrameType.control, 0, 0, Buffer.from([0x22, 0xff, 0x22]))],
    ['garbage', () => Buffer.alloc(5000, 0xee)],
  ])('is refused on %s', async (_name, greeting) => {
    guest.greeting = (nonce) => Buffer.concat([nonce, greeting()])
    await expect(connect()).rejects.toMatchObject({ name: 'GuestConnectionError' })
  })

  it('is refused without a hello in time, without a socket, and when aborted', async () => {
    guest.greeting = () => Buffer.alloc(0)
    await expect(GuestClient.connect(guest.path, { helloTimeoutMs: 50 })).rejects.toThrow('did not say hello in time')
    await expect(GuestClient.connect(`${guest.path}-none`)).rejects.toThrow('ENOENT')
    const abort = new AbortController()
    const connecting = GuestClient.connect(guest.path, { signal: abort.signal })
    abort.abort()
    await expect(connecting).rejects.toThrow('aborted')
  })

  it('is refused to a guest that talks on and on without an answer', async () => {
    guest.greeting = () => Buffer.alloc(17 * 1024 * 1024, 1)
    await expect(connect()).rejects.toThrow('does not answer')
  })
})

function runningContainer(container: string, stream: number) {
  const nothing = { acknowledged: 0, start: 0 }
  return { container, stream, exited: null, terminal: false, stdout: nothing, stderr: nothing, stdinFree: null }
}

describe('a guest that breaks the rules loses its connection', () => {
  const frame = (type: number, stream: number, channel: number, length: number) => Buffer.concat([bareHeader(type, channel, stream, length), Buffer.alloc(length)])
  it.each([
    ['a frame over the limit', () => [bareHeader(FrameType.data, 1, 1, maxDataBytes + 1)]],
    ['a control message over the limit', () => [bareHeader(FrameType.control, 0, 0, maxControlBytes + 1)]],
    ['an attach', () => [frame(FrameType.attach, 0, 0, 16)]],
    ['an unknown type', () => [frame(9, 0, 0, 0)]],
    ['a second hello', () => [control(emptyHello)]],
    ['an unknown event', () => [control({ kind: 'event', event: 'boo' })]],
    ['an exit code of no process', () => [control({ kind: 'event', event: 'execExited', stream: 1, exitCode: 999, signal: null })]],
    ['more output than the window', () => Array.from({ length: Math.ceil(outputWindow / maxDataBytes) + 1 }, () => data(1, Channel.stdout, maxDataBytes))],
    ['output after its end', () => [encodeFrame(FrameType.end, 1, Channel.stdout, new Uint8Array(0)), data(1, Channel.stdout, 1)]],
    ['input', () => [data(1, Channel.stdin, 1)]],
    ['credit for an output', () => [encodeCredit(1, Channel.stdout, 1)]],
    ['credit for input that was not sent', () => [encodeCredit(1, Channel.stdin, 1)]],
    ['a flood of answers nobody asked for', () => Array.from({ length: 1001 }, (_, id) => control({ kind: 'response', id: 5000 + id }))],
    ['a flood of exits', () => Array.from({ length: 1001 }, () => control({ kind: 'event', event: 'containerExited', container: 'x', exitCode: 0, signal: null, oomKilled: false, at: 0 }))],
    ['a flood for streams that do not exist', () => Array.from({ length: 10_001 }, () => data(77, Channel.stdout, 1))],
  ])('by %s', async (_name, breach) => {
    const on = await connect()
    const session = await exec(on)
    const closed = new Promise<Error | undefined>((resolve) => on.once('closed', resolve))
    guest.send(...breach())
    expect(await closed).toMatchObject({ name: 'GuestConnectionError' })
    await expect(session.exit).rejects.toMatchObject({ name: 'GuestConnectionError' })
    await expect(text(session.stderr)).rejects.toMatchObject({ name: 'GuestConnectionError' })
    await expect(on.ping()).rejects.toMatchObject({ name: 'GuestConnectionError' })
  })

  it('by an answer of another shape', async () => {
    guest.answers.stats = () => ({ result: { vm: 'big' } })
    const on = await connect()
    await expect(on.stats()).rejects.toThrow('not as agreed')
    await expect(on.ping()).rejects.toThrow('not as agreed')
  })

  it('by not reading what it is sent', async () => {
    const on = await connect()
    guest.socket?.pause()
    const closed = new Promise<Error | undefined>((resolve) => on.once('closed', resolve))
    const hosts = 'x'.repeat(250_000)
    const requests = Array.from({ length: 60 }, () =>
      on.setup({ instance: 'p', time: 1, entropy: 'A'.repeat(44), hostname: 'h', machineId: '0'.repeat(32), hosts, resolvConf: '', network: null, scratch: null, volumes: [] }),
    )
    expect(await closed).toMatchObject({ message: 'the agent in the virtual machine broke its protocol (the guest does not read)' })
    for (const result of await Promise.allSettled(requests)) expect(result.status).toBe('rejected')
  })
})

describe('requests and streams', () => {
  it('carry refusals with their code and object, and ignore late or unknown answers', async () => {
    guest.answers.exec = () => ({ error: { code: 'ExecutableNotFound', message: 'no x', object: 'c' } })
    const on = await connect()
    guest.send(control({ kind: 'response', id: 999, result: {} }))
    await expect(exec(on)).rejects.toMatchObject({ name: 'GuestRequestError', code: 'ExecutableNotFound', message: 'no x', object: 'c', method: 'exec' })
    guest.answers.ping = () => ({ result: { time: 5 } })
    expect(await on.ping()).toEqual({ time: 5 })
  })

  it('give credit back only for what the reader took', async () => {
    const on = await connect()
    const session = await exec(on)
    const pieces = Math.floor(outputWindow / maxDataBytes)
    for (let piece = 0; piece < pieces; piece += 1) guest.send(data(session.stream, Channel.stdout, maxDataBytes))
    guest.answers.ping = () => ({ result: { time: 1 } })
    await on.ping()
    const credited = () => guest.frames.filter(({ header }) => header.type === FrameType.credit).reduce((sum, { payload }) => sum + decodeCredit(payload), 0)
    expect(credited()).toBe(0)
    guest.send(encodeFrame(FrameType.end, session.stream, Channel.stdout, new Uint8Array(0)))
    expect((await text(session.stdout)).length).toBe(pieces * maxDataBytes)
    await guest.until(() => credited() === pieces * maxDataBytes)
  })

  it('send input as far as the guest credits it', async () => {
    const on = await connect()
    const session = await exec(on)
    const received = () => guest.frames.filter(({ header }) => header.type === FrameType.data).reduce((sum, { payload }) => sum + payload.length, 0)
    session.stdin?.end(Buffer.alloc(inputWindow + 1000))
    await guest.until(() => received() === inputWindow)
    guest.send(encodeCredit(session.stream, Channel.stdin, 600))
    await guest.until(() => received() === inputWindow + 600)
    guest.send(encodeCredit(session.stream, Channel.stdin, 600))
    await guest.until(() => guest.frames.some(({ header }) => header.type === FrameType.end))
    expect(received()).toBe(inputWindow + 1000)
  })

  it('are bounded: one more is refused before the guest is asked', async () => {
    const on = await connect()
    for (let i = 0; i < 512; i += 1) await exec(on)
    const asked = guest.frames.length
    await expect(exec(on)).rejects.toMatchObject({ name: 'GuestRequestError', code: 'Unavailable', method: 'exec' })
    expect(guest.frames).toHaveLength(asked)
  })

  it.each([['answers', () => ({ result: {} })], ['does not answer', undefined]])('are forgotten some time after a KILL that the guest %s, and late frames break nothing', async (_name, answer) => {
    if (answer) guest.answers.signalExec = answer
    client = await GuestClient.connect(guest.path, { killedWithinMs: 20 })
    const on = client
    const sessions: ExecSession[] = []
    for (let i = 0; i < 511; i += 1) sessions.push(await exec(on))
    const ended = await exec(on)
    // Its outputs never end.
    guest.send(control({ kind: 'event', event: 'execExited', stream: ended.stream, exitCode: 0, signal: null }))
    await ended.exit
    for (const session of [...sessions, ended]) session.signal('KILL').catch(() => {})
    for (const session of sessions) await expect(session.exit).rejects.toThrow('did not end what was killed')
    await text(ended.stdout)
    const late = sessions[0]!
    guest.send(data(late.stream, Channel.stdout, 10), encodeCredit(late.stream, Channel.stdin, 0), encodeFrame(FrameType.end, late.stream, Channel.stdout, new Uint8Array(0)))
    guest.send(control({ kind: 'event', event: 'execExited', stream: late.stream, exitCode: 137, signal: 9 }))
    guest.answers.ping = () => ({ result: { time: 5 } })
    expect(await on.ping()).toEqual({ time: 5 })
    for (let i = 0; i < 512; i += 1) await exec(on)
  })

  it('tell an exit, and drain an output that nobody reads any more', async () => {
    const on = await connect()
    const session = await exec(on)
    session.stdout.destroy()
    guest.send(data(session.stream, Channel.stdout, 1000), control({ kind: 'event', event: 'execExited', stream: session.stream, exitCode: 137, signal: 9 }))
    expect(await session.exit).toEqual({ exitCode: 137, signal: 9 })
    await guest.until(() => guest.frames.some(({ header, payload }) => header.type === FrameType.credit && decodeCredit(payload) === 1000))
  })

  it('take up containers that run, with what was lost', async () => {
    const stdout = { acknowledged: 100, start: 150 }
    guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...emptyHello, containers: [{ ...runningContainer('web', 9), stdout }] })])
    const on = await connect()
    expect(on.containerStreams('web')?.stdout.lostBytes).toBe(50)
    expect(on.containerStreams('web')?.stderr.lostBytes).toBe(0)
    expect((await exec(on)).stream).toBe(10)
    const exit = new Promise((resolve) => on.once('containerExited', resolve))
    guest.send(control({ kind: 'event', event: 'containerExited', container: 'web', exitCode: 3, signal: null, oomKilled: false, at: 1 }))
    expect(await exit).toMatchObject({ container: 'web', exitCode: 3 })
  })

  it('hand over what was read before a connection was lost, then fail', async () => {
    const on = await connect()
    const session = await exec(on)
    const read: string[] = []
    const failure = new Promise<Error>((resolve) => session.stdout.once('error', resolve))
    session.stdout.on('data', (chunk: Buffer) => {
      read.push(chunk.toString())
      guest.socket?.destroy()
    })
    guest.send(data(session.stream, Channel.stdout, 5))
    expect(await failure).toMatchObject({ name: 'GuestConnectionError' })
    expect(read).toEqual(['xxxxx'])
  })
})
