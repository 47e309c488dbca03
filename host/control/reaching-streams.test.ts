import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { GuestRefusal, StepError, type ContainerInput, type GuestArchive, type GuestExec } from '@/host/pods/ports'
import { serveAttach, type AttachRequest } from './attach-stream'
import { serveCopy, type CopyRequest } from './copy-stream'
import { serveFolder, type FolderRequest } from './folder-stream'
import { serveForward, type ForwardRequest } from './forward-stream'
import { serveProbe, type Probe, type ProbeRequest } from './probe-stream'
import { streamUrl } from './stream-socket'
import { Browser } from './testing/browser'
import { FakeProcess } from './testing/fake-process'
import { leaveUnanswered } from './testing/leave-unanswered'
import { TestServer } from './testing/test-server'
import { until } from './testing/until'

let server: TestServer
beforeEach(async () => void (server = await TestServer.start()))
afterEach(() => server.stop())

const podUid = randomUUID()
const path = '/ws/stream/t'
const url = () => streamUrl(server.url, path)
/** Serves one stream and gives the other end of it. */
async function opened(serve: (url: string) => Promise<void>): Promise<{ browser: Browser; served: Promise<void> }> {
  const stream = server.expectStream(path)
  const served = serve(url())
  return { browser: new Browser(await stream), served }
}

describe('a port-forward', () => {
  const request: ForwardRequest = { kind: 'portForward', podUid, port: 80 }
  let listener: Server
  let peer: Promise<Socket>
  beforeEach(async () => {
    listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    peer = once(listener, 'connection').then(([socket]: Socket[]) => {
      if (!socket) throw new Error('no socket')
      return socket
    })
    await once(listener, 'listening')
  })
  afterEach(() => listener.close())
  const tunnel = async () => {
    const socket = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }

  it('carries bytes both ways, and each half ends by itself', async () => {
    const { browser, served } = await opened((to) => serveForward(to, request, tunnel))
    const pod = await peer
    browser.send(0, 'question')
    browser.send(0, '')
    let asked = ''
    for await (const chunk of pod.iterator({ destroyOnReturn: false })) asked += String(chunk)
    expect(asked).toBe('question')
    pod.end('answer after the question ended')
    await served
    await browser.closed
    expect([browser.text(1), browser.result]).toEqual(['answer after the question ended', { exitCode: 0, error: null }])
    // The end of the pod's half came as a frame without bytes.
    expect(browser.output[1]?.at(-1)).toHaveLength(0)
  })

  it('closes the connection in the pod when the browser goes away', async () => {
    const { browser, served } = await opened((to) => serveForward(to, request, tunnel))
    const pod = await peer
    pod.on('error', () => {})
    pod.resume()
    const closed = once(pod, 'close')
    browser.socket.terminate()
    await once(pod, 'end').then(() => pod.end())
    await Promise.all([closed, served])
  })

  it('says that nothing listens', async () => {
    const refused = () => Promise.reject(new StepError('ConnectionRefused', 'Nothing in the pod listens on port 80. Check the port.'))
    const { browser, served } = await opened((to) => serveForward(to, request, refused))
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: 'Nothing in the pod listens on port 80. Check the port.' })
  })

  it('waits for a slow browser, and for a slow pod', async () => {
    const { browser } = await opened((to) => serveForward(to, request, tunnel))
    const pod = await peer
    browser.socket.pause()
    const flood = Buffer.alloc(32 << 20, 'x')
    let isTaken = false
    pod.write(flood, () => (isTaken = true))
    for (let i = 0; i < 64; i += 1) browser.send(0, 'y'.repeat(256 << 10))
    await until(() => browser.socket.bufferedAmount > 1 << 20)
    expect(isTaken).toBe(false)
    browser.socket.resume()
    let got = 0
    pod.on('data', (chunk: Buffer) => (got += chunk.length))
    await until(() => isTaken && got === 16 << 20 && browser.bytes(1) === flood.length)
    pod.end()
    browser.send(0, '')
    await browser.closed
  })
})

describe('a probe', () => {
  const request: ProbeRequest = { kind: 'probe', podUid, address: '10.0.0.9', port: 80, protocol: 'tcp', timeoutSeconds: 2 }
  const probed = async (probe: Probe, change: Partial<ProbeRequest> = {}) => {
    const { browser, served } = await opened((to) => serveProbe(to, { ...request, ...change }, probe))
    await served
    await browser.closed
    return { said: browser.text(1), result: browser.result }
  }

  it('tells once what came of it, and asks the pod just that', async () => {
    let asked: unknown
    const { said, result } = await probed(async (uid, what) => {
      asked = { uid, ...what }
      return { outcome: 'refused', milliseconds: 3, detail: 'Connection refused' }
    })
    expect(asked).toEqual({ uid: podUid, address: '10.0.0.9', port: 80, protocol: 'tcp', timeoutSeconds: 2 })
    expect(JSON.parse(said)).toEqual({ outcome: 'refused', milliseconds: 3, detail: 'Connection refused' })
    expect(result).toEqual({ exitCode: 0, error: null })
  })

  it('cuts what a guest says, and takes nothing that is no result', async () => {
    const { said } = await probed(async () => ({ outcome: 'failed', milliseconds: 3, detail: `\0${'x'.repeat(100_000)}` }))
    expect(said.length).toBeLessThan(1_000)
    const { said: nothing, result } = await probed(async () => ({ outcome: 'open', milliseconds: Number.MAX_VALUE, detail: '' }))
    expect([nothing, result?.exitCode]).toEqual(['', null])
  })

  it('says what is wrong with the request, and why a pod cannot try', async () => {
    const never: Probe = () => Promise.reject(new Error('asked'))
    expect((await probed(never, { address: 'web; reboot' })).result?.error).toBe('"web; reboot" is not an address. Name an IPv4 or IPv6 address.')
    expect((await probed(never, { port: null })).result?.error).toBe('A port is needed to try TCP. Name one, or try ICMP.')
    expect((await probed(() => Promise.reject(new GuestRefusal('Unavailable', 'eight at once')))).result?.error).toBe('10.0.0.9 cannot be tried from the pod: eight at once. Try again in a moment.')
    expect((await probed(() => Promise.reject(new StepError('NotRunning', 'The pod does not run.')))).result?.error).toBe('The pod does not run.')
  })
})

describe('a copy', () => {
  const request: CopyRequest = { kind: 'copy', podUid, container: null, direction: 'out', path: '/etc' }
  async function copy(direction: 'out' | 'in') {
    const process = new FakeProcess()
    let asked: Omit<GuestArchive, 'container'> | undefined
    const stream = await opened((to) =>
      serveCopy(to, { ...request, direction }, async (_uid, _container, archive) => {
        asked = archive
        return process
      }),
    )
    await until(() => asked !== undefined)
    return { process, asked: asked!, ...stream }
  }

  it('out gives the tar stream and then its result', async () => {
    const { process, asked, browser, served } = await copy('out')
    expect([asked.direction, asked.path]).toEqual(['out', '/etc'])
    await asked.onOutput('stdout', Buffer.from('tar'))
    process.end(0)
    await served
    await browser.closed
    expect([browser.text(1), browser.result]).toEqual(['tar', { exitCode: 0, error: null }])
  })

  it('in takes the tar stream, and its end is the browser\'s word', async () => {
    const { process, browser, served } = await copy('in')
    browser.send(0, 'tar')
    browser.send(0, '')
    await until(() => process.inputEnded)
    expect(process.written).toEqual(['tar'])
    process.end(0)
    await served
  })

  it('that the browser leaves is killed and never taken for one that ended', async () => {
    const { process, browser } = await copy('in')
    browser.send(0, 'half a t')
    await until(() => process.written.length > 0)
    browser.socket.terminate()
    await until(() => process.signals.includes('KILL'))
    expect(process.inputEnded).toBe(false)
    process.end(137)
  })

  it('whose end a hostile guest never tells does not keep its stream', async () => {
    const { process, browser, served } = await copy('in')
    await leaveUnanswered(browser, process, served)
  })

  it('that fails says what the guest said, within bounds', async () => {
    const { process, asked, browser, served } = await copy('in')
    for (let i = 0; i < 100; i += 1) await asked.onOutput('stderr', Buffer.from(`tar: disk full ${i}\n`.repeat(10)))
    process.end(2)
    await served
    await browser.closed
    expect(browser.result?.exitCode).toBe(2)
    expect(browser.result?.error).toMatch(/^Not all could be written to "\/etc": tar: disk full 0/)
    expect(browser.result?.error?.length).toBeLessThan(2200)
  })

  it('of a path that is not there says so', async () => {
    const { browser, served } = await opened((to) => serveCopy(to, request, () => Promise.reject(new GuestRefusal('NotFound', 'no such file or folder'))))
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: '"/etc" cannot be read: no such file or folder. Check the path.' })
  })
})

describe('an attachment', () => {
  const request: AttachRequest = { kind: 'attach', podUid, container: null, stdin: true, columns: 80, rows: 24 }
  class Input implements ContainerInput {
    readonly taken: string[] = []
    readonly sizes: string[] = []
    async write(bytes: Uint8Array): Promise<void> {
      this.taken.push(Buffer.from(bytes).toString())
    }
    end(): void {
      this.taken.push('end')
    }
    async resize(columns: number, rows: number): Promise<void> {
      this.sizes.push(`${columns}x${rows}`)
    }
  }
  async function attach(input: Input | null, ask: Partial<AttachRequest> = {}) {
    let onOutput: GuestExec['onOutput'] | undefined
    let exit: (end: { exitCode: number | null; signal: number | null }) => void = () => {}
    const exited = new Promise<{ exitCode: number | null; signal: number | null }>((resolve) => (exit = resolve))
    let detached = 0
    const stream = await opened((to) =>
      serveAttach(to, { ...request, ...ask }, async (_uid, _container, output) => {
        onOutput = output
        return { input, tty: true, exited, detach: () => void (detached += 1) }
      }),
    )
    await until(() => onOutput !== undefined)
    return { ...stream, onOutput: onOutput!, exit, detached: () => detached }
  }

  it('carries input, sizes, output and the end of the container', async () => {
    const input = new Input()
    const { browser, onOutput, exit, served } = await attach(input)
    browser.send(0, 'hello\n')
    browser.send(4, '{"columns":100,"rows":30}')
    await onOutput('stdout', Buffer.from('> hello\n'))
    await until(() => input.sizes.length === 2)
    expect([input.taken, input.sizes]).toEqual([['hello\n'], ['80x24', '100x30']])
    exit({ exitCode: 3, signal: null })
    await served
    await browser.closed
    expect([browser.text(1), browser.result]).toEqual(['> hello\n', { exitCode: 3, error: null }])
  })

  it('only lets go when the browser leaves, and gives no input where none was asked for', async () => {
    const input = new Input()
    const { browser, served, detached } = await attach(input, { stdin: false })
    browser.send(0, 'not for you')
    browser.send(4, '{"columns":90,"rows":30}')
    await until(() => input.sizes.includes('90x30'))
    expect(input.taken).toEqual([])
    browser.socket.terminate()
    await served
    expect(detached()).toBe(1)
  })

  it('gives up input that the container does not take when the browser leaves', async () => {
    const signals: (AbortSignal | undefined)[] = []
    class Full extends Input {
      override write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
        signals.push(signal)
        return super.write(bytes).then(() => new Promise(() => {}))
      }
    }
    const input = new Full()
    const { browser, served } = await attach(input)
    browser.send(0, 'one')
    browser.send(0, 'two')
    await until(() => input.taken.length > 0)
    browser.socket.terminate()
    await served
    expect(input.taken).toEqual(['one'])
    expect(signals[0]?.aborted).toBe(true)
  })

  it('never holds the container for a slow browser, and marks what it left out', async () => {
    const { browser, onOutput, exit, served } = await attach(null)
    browser.socket.pause()
    const piece = Buffer.alloc(64 << 10, 'x')
    for (let i = 0; i < 512; i += 1) await onOutput('stdout', piece)
    browser.socket.resume()
    await until(() => browser.bytes(1) >= 512 << 10)
    await until(() => {
      void onOutput('stdout', Buffer.from('end'))
      return browser.text(1).endsWith('end')
    })
    expect(browser.text(2)).toMatch(/\[\d+ bytes were left out: this reader is too slow\]/)
    exit({ exitCode: null, signal: 9 })
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: 'The container was ended by signal 9.' })
  })
})

describe('a folder', () => {
  const entry = { name: 'hosts', type: 'file', size: 3, mode: 0o644, modifiedAt: 1, target: null } as const
  async function* pagesOf(pages: FolderEntry[][], more: boolean) {
    for (const page of pages) yield page
    return more
  }
  async function* failing(error: Error): AsyncGenerator<FolderEntry[], boolean> {
    throw error
  }
  const request: FolderRequest = { kind: 'listFolder', podUid, container: null, path: '/etc' }

  it('of which a page takes much is told in part, with that there is more', async () => {
    const page = Array.from({ length: 1_000 }, () => ({ ...entry, type: 'link' as const, target: '\u0001'.repeat(1_024) }))
    let asked = 0
    async function* many() {
      for (; asked < 10; asked += 1) yield page
      return false
    }
    const { browser, served } = await opened((to) => serveFolder(to, request, many))
    await served
    await browser.closed
    expect([browser.result, asked]).toEqual([{ exitCode: 1, error: null }, 0])
    expect(browser.bytes(1)).toBeLessThan(5 << 20)
  })

  it('whose next page never comes ends when the browser leaves', async () => {
    async function* endless(): AsyncGenerator<FolderEntry[], boolean> {
      yield [entry]
      await new Promise(() => {})
      return false
    }
    const { browser, served } = await opened((to) => serveFolder(to, request, endless))
    await until(() => browser.bytes(1) > 0)
    browser.socket.terminate()
    await served
  })

  it('is told as lines of JSON, with whether there are more', async () => {
    const { browser, served } = await opened((to) => serveFolder(to, { kind: 'listFolder', podUid, container: null, path: '/etc' }, () => pagesOf([Array.from({ length: 250 }, () => entry)], true)))
    await served
    await browser.closed
    const lines = browser.text(1).trim().split('\n')
    expect([lines.length, JSON.parse(lines[249] ?? ''), browser.result]).toEqual([250, entry, { exitCode: 1, error: null }])
  })
  it('that is not there says so', async () => {
    const { browser, served } = await opened((to) => serveFolder(to, { kind: 'listFolder', podUid, container: null, path: '/nope' }, () => failing(new GuestRefusal('NotFound', 'No such file or directory'))))
    await served
    await browser.closed
    expect(browser.result?.error).toBe('The folder "/nope" cannot be listed: No such file or directory. Check the path.')
  })
})
