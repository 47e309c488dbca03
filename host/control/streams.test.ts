import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogRecord } from '@/host/logs/record'
import type { GuestExec } from '@/host/pods/ports'
import { serveExec, type ExecRequest } from './exec-stream'
import { serveLogs, type LogsRequest } from './logs-stream'
import { streamUrl } from './stream-socket'
import { Browser } from './testing/browser'
import { FakeProcess } from './testing/fake-process'
import { leaveUnanswered } from './testing/leave-unanswered'
import { TestServer } from './testing/test-server'
import { until } from './testing/until'

let server: TestServer
beforeEach(async () => void (server = await TestServer.start()))
afterEach(() => server.stop())

const execRequest: ExecRequest = { kind: 'exec', podUid: randomUUID(), container: null, command: ['sh'], tty: true, stdin: true, columns: 80, rows: 24, timeoutSeconds: null }
const logsRequest: LogsRequest = { kind: 'logs', podUid: randomUUID(), container: null, follow: false, tailLines: null, previous: false, sinceTime: null }

async function exec(request: Partial<ExecRequest> = {}) {
  const process = new FakeProcess()
  let asked: Omit<GuestExec, 'container'> | undefined
  const stream = server.expectStream('/ws/stream/t')
  const served = serveExec(streamUrl(server.url, '/ws/stream/t'), { ...execRequest, ...request }, async (_uid, _container, exec) => {
    asked = exec
    return process
  })
  const browser = new Browser(await stream)
  await until(() => asked !== undefined)
  return { process, browser, served, asked: asked! }
}

describe('a terminal', () => {
  it('carries input, sizes, output and the result', async () => {
    const { process, browser, served, asked } = await exec()
    expect(asked.terminal).toEqual({ columns: 80, rows: 24 })
    browser.send(0, 'ls\n')
    browser.send(4, '{"columns":100,"rows":30}')
    browser.send(4, 'nonsense')
    browser.send(0, '')
    await asked.onOutput('stdout', Buffer.from('file\n'))
    await asked.onOutput('stderr', Buffer.from('problem\n'))
    await until(() => process.inputEnded)
    expect([process.written, process.sizes]).toEqual([['ls\n'], [[100, 30]]])
    process.end(7)
    await served
    await browser.closed
    expect([browser.text(1), browser.text(2), browser.result]).toEqual(['file\n', 'problem\n', { exitCode: 7, error: null }])
  })

  it('kills its process when the browser goes away', async () => {
    const { process, browser } = await exec()
    browser.socket.terminate()
    await until(() => process.signals.length > 0)
    expect(process.signals).toEqual(['KILL'])
    process.end(137)
  })

  it('of a guest that never tells the end does not keep its stream', async () => {
    const { process, browser, served } = await exec()
    await leaveUnanswered(browser, process, served)
  })

  it('waits for a slow browser, and holds little meanwhile', async () => {
    const { process, browser, asked, served } = await exec()
    browser.socket.pause()
    const piece = Buffer.alloc(64 << 10, 'x')
    let sent = 0
    const writing = (async () => {
      for (let i = 0; i < 512; i += 1) {
        await asked.onOutput('stdout', piece)
        sent += 1
      }
    })()
    let before = -1
    // It stands still when two looks, a turn of the event loop and more apart, see the same.
    while (before !== sent) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(sent).toBeLessThan(512)
    browser.socket.resume()
    await writing
    process.end(0)
    await served
    await browser.closed
    expect(browser.text(1)).toHaveLength(512 * piece.length)
  })

  it('stops reading from a browser whose process does not take its input, and loses nothing', async () => {
    const { process, browser, served } = await exec()
    let release = () => {}
    process.writeHold = new Promise((resolve) => (release = resolve))
    for (let i = 0; i < 200; i += 1) browser.send(0, 'x'.repeat(32 << 10))
    await until(() => browser.socket.bufferedAmount === 0 || browser.socket.bufferedAmount > 1 << 20)
    release()
    await until(() => process.written.length === 200)
    process.end(0)
    await served
  })

  it('tells why a process could not be started', async () => {
    const stream = server.expectStream('/ws/stream/t')
    const served = serveExec(streamUrl(server.url, '/ws/stream/t'), execRequest, () => Promise.reject(new Error('Container "web" does not run.')))
    const browser = new Browser(await stream)
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: 'Container "web" does not run.' })
  })

  it('ends a command that takes too long, and one whose VM is lost', async () => {
    const late = await exec({ tty: false, timeoutSeconds: 1 })
    await late.served
    expect(late.process.signals).toContain('KILL')
    await late.browser.closed
    expect(late.browser.result?.error).toContain('within 1 s')
    late.process.end(137)
    const lost = await exec()
    lost.process.fail(new Error('gone'))
    await lost.served
    await lost.browser.closed
    expect(lost.browser.result).toMatchObject({ exitCode: null, error: expect.stringContaining('gone') })
  })

  it('fails when the server does not take the stream', async () => {
    await expect(serveExec(streamUrl(server.url, '/ws/stream/unknown'), execRequest, () => Promise.reject(new Error('never')))).rejects.toThrow('did not take the stream')
  })
})

describe('logs', () => {
  const record = (i: number, text: string, whole = true): LogRecord => ({ time: `t${i}`, stream: i % 2 ? 'stderr' : 'stdout', whole, text: Buffer.from(text) })

  it('are lines of time and text on their stream\'s channel', async () => {
    const stream = server.expectStream('/ws/stream/l')
    const served = serveLogs(streamUrl(server.url, '/ws/stream/l'), logsRequest, async function* () {
      yield record(0, 'one')
      yield record(1, 'problem')
      yield record(2, 'half ', false)
      yield record(4, 'and half')
    })
    const browser = new Browser(await stream)
    await served
    await browser.closed
    expect([browser.text(1), browser.text(2), browser.result]).toEqual(['t0 one\nt2 half and half\n', 't1 problem\n', { exitCode: null, error: null }])
  })

  it('end when the browser goes away', async () => {
    const stream = server.expectStream('/ws/stream/l')
    let ended = false
    const served = serveLogs(streamUrl(server.url, '/ws/stream/l'), { ...logsRequest, follow: true }, async function* (_uid, _container, _query, signal) {
      yield record(0, 'one')
      await once(signal, 'abort')
      ended = true
    })
    const browser = new Browser(await stream)
    await until(() => browser.text(1) !== '')
    browser.socket.terminate()
    await served
    expect(ended).toBe(true)
  })
})

describe('the address of a stream', () => {
  it('is a path of the server that the host speaks with', () => {
    expect(streamUrl('wss://example.test:1/ws/host', '/ws/stream/abc')).toBe('wss://example.test:1/ws/stream/abc')
    for (const path of ['//evil.test/x', 'http://evil.test/', 'ws/stream', '/\\evil.test/x']) expect(() => streamUrl('ws://example.test/ws/host', path)).toThrow()
  })
})
