import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GuestRefusal, StepError } from '@/host/pods/ports'
import { serveForward, type ForwardRequest } from './forward-stream'
import { serveProbe, type Probe, type ProbeRequest } from './probe-stream'
import { servedStreams } from './testing/served-streams'
import { until } from './testing/until'

const podUid = randomUUID()
const opened = servedStreams()

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
