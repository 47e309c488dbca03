import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { defaultOptions, type BalancerServer } from '@/domain/load-balancer/model'
import { run } from '@/platform/exec'
import { ask, load, raw } from './testing/client'
import { listener } from './testing/models'
import { ProcessLab } from './testing/process-lab'

describe.runIf(process.getuid?.() === 0)('a balancer that runs', () => {
  let at: ProcessLab
  let usual: [string, BalancerServer[]][]

  beforeAll(async () => {
    at = await ProcessLab.open()
    expect(await at.bring()).toBe(null)
    usual = [...at.servers]
  })
  afterAll(() => at.lab.close())
  // Also after a try that failed in the midst of a change.
  beforeEach(async () => {
    for (const [backend, servers] of usual) at.servers.set(backend, servers)
    await at.bring()
  })

  it('changes servers as it runs, without another process, while requests go on', async () => {
    const before = await at.workers()
    const going = load(at.lab.address, 80)
    const kept = at.servers.get('web') ?? []
    for (let i = 0; i < 12; i += 1) {
      const next = await at.pod()
      at.servers.set('web', i % 3 === 2 ? [...kept] : [...kept.slice(i % 2), next])
      await at.bring()
      await delay(20)
    }
    at.servers.set('web', kept)
    await at.bring()
    const { asked, wrong } = await going.stop()
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(20)
    expect(await at.workers()).toEqual(before)
  })

  it('keeps connections to a server that came as it runs, between requests', async () => {
    const kept = at.servers.get('web') ?? []
    const sockets = new Set<unknown>()
    at.servers.set('web', [await at.lab.pod((request, response) => void (sockets.add(request.socket), response.end('new')))])
    await at.bring()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; i < 50; i += 1) expect((await ask(at.lab.address, 80, { agent })).body).toBe('new')
    agent.destroy()
    // Not one a request: what HAProxy has it may still give up once, as when a second is over.
    expect(sockets.size).toBeLessThan(25)
    at.servers.set('web', kept)
    await at.bring()
  })

  it('a server that leaves gets nothing new, keeps what it has for its time, and is cut then; one that returns meanwhile stays', async () => {
    const bring = () => at.bring(undefined, { options: { ...defaultOptions, drainSeconds: 5 } })
    await bring()
    const [first] = at.servers.get('tcp') ?? []
    const other = await at.lab.tcpPod((socket) => socket.on('end', () => socket.end()).resume().write('other'))
    const open = connect(5000, at.lab.address)
    open.write('one')
    expect(String((await once(open, 'data'))[0])).toBe('one')
    at.servers.set('tcp', [other])
    await bring()
    expect((await raw(at.lab.address, 5000, 'x', { isAll: (text) => text !== '' })).text).toBe('other')
    open.write('two')
    expect(String((await once(open, 'data'))[0])).toBe('two')
    at.servers.set('tcp', first ? [first, other] : [])
    await bring()
    await delay(6_000)
    open.write('three')
    expect(String((await once(open, 'data'))[0])).toBe('three')
    at.servers.set('tcp', [other])
    const left = performance.now()
    await bring()
    await once(open.on('error', () => {}).resume(), 'close')
    expect(performance.now() - left).toBeGreaterThan(4_500)
    at.servers.set('tcp', first ? [first] : [])
    await at.bring()
    expect((await raw(at.lab.address, 5000, 'back', { isAll: (text) => text !== '' })).text).toBe('back')
  })

  it('gives a server of weight 0 nothing, and one whose weight grows something', async () => {
    const idle = await at.pod('idle')
    const kept = at.servers.get('web') ?? []
    at.servers.set('web', [...kept, { ...idle, weight: 0 }])
    await at.bring()
    const some = async () => new Set((await Promise.all(Array.from({ length: 9 }, () => at.web()))).map(({ body }) => body))
    expect(await some()).toEqual(new Set(['ok']))
    at.servers.set('web', [...kept, { ...idle, weight: 5 }])
    await at.bring()
    expect(await some()).toContain('idle')
    at.servers.set('web', kept)
    await at.bring()
  })

  it('reloads where a listener changes: no request fails and no connection is dropped; the old process ends with what it has', async () => {
    const [{ pid: before } = { pid: 0 }] = await at.workers()
    const open = connect(5000, at.lab.address)
    open.write('one')
    await once(open, 'data')
    const going = load(at.lab.address, 80)
    await delay(100)
    await at.bring([at.plain, at.tcp, listener({ port: 81, defaultBackend: 'web' })])
    await delay(200)
    expect((await ask(at.lab.address, 81)).status).toBe(200)
    const { asked, wrong } = await going.stop()
    expect({ wrong, many: asked > 5 }).toEqual({ wrong: [], many: true })
    expect((await at.workers()).map(({ pid }) => pid)).toContain(before)
    open.write('two')
    expect(String((await once(open, 'data'))[0])).toBe('two')
    open.destroy()
    await vi.waitFor(async () => expect(await at.workers()).toHaveLength(1), { timeout: 30_000, interval: 50 })
    expect((await at.haproxy.counters())[0]?.requests).toBeGreaterThan(asked)
  })

  it('a log that is followed goes on through a reload, and whoever asks later has what was before', async () => {
    const off = new AbortController()
    const lines: string[] = []
    const followed = (async () => {
      for await (const { path } of at.haproxy.log({ tailLines: 0, follow: true }, off.signal)) if (path) lines.push(path)
    })()
    // Of a busy second a part is not logged.
    const logged = (port: number, path: string) => vi.waitFor(async () => {
      await ask(at.lab.address, port, { path })
      expect(lines).toContain(path)
    }, { timeout: 30_000, interval: 100 })
    await logged(80, '/one')
    await at.bring([at.plain, at.tcp, listener({ port: 82, defaultBackend: 'web' })])
    await logged(82, '/two')
    await at.bring()
    // Who follows keeps no process that was replaced.
    await vi.waitFor(async () => expect(await at.workers()).toHaveLength(1), { timeout: 30_000, interval: 50 })
    off.abort()
    await followed
    expect([...new Set(lines.filter((path) => path === '/one' || path === '/two'))]).toEqual(['/one', '/two'])
    const tail: (string | null)[] = []
    for await (const { path } of at.haproxy.log({ tailLines: 10, follow: false }, new AbortController().signal)) tail.push(path)
    expect(tail).toEqual(expect.arrayContaining(['/one', '/two']))
    expect(tail.length).toBeLessThanOrEqual(10)
  })

  it('a log has so many followers that commands have connections left', async () => {
    const all = Array.from({ length: 21 }, () => new AbortController())
    const follow = ({ signal }: AbortController) => at.haproxy.log({ tailLines: 0, follow: true }, signal)[Symbol.asyncIterator]().next()
    const followers = all.slice(1).map(follow)
    await expect(follow(all[0] ?? new AbortController())).rejects.toThrow('followed by 20 already')
    expect(await at.haproxy.serversDown()).toEqual([])
    for (const one of all) one.abort()
    for (const { done } of await Promise.all(followers)) expect(done).toBe(true)
  })

  it('counts each request once, through reloads, and from when another agent takes it up', async () => {
    const requests = async () => (await at.haproxy.counters())[0]?.requests ?? NaN
    const more = [at.plain, at.tcp, listener({ port: 85, defaultBackend: 'web' })]
    const before = await requests()
    await at.web()
    expect(await requests()).toBe(before + 1)
    const readings: number[] = []
    let reading = true
    const reader = (async () => {
      while (reading) await requests().then((count) => readings.push(count), () => delay(1))
    })()
    await at.bring(more)
    reading = false
    await reader
    expect(readings.filter((count) => count !== before + 1)).toEqual([])
    await at.web()
    expect(await requests()).toBe(before + 2)
    at.haproxy = at.lab.haproxy(() => at.onEnd())
    await at.bring(more)
    expect(await requests()).toBe(0)
    await at.web()
    expect(await requests()).toBe(1)
    await at.bring()
    expect(await requests()).toBe(1)
  })

  it('serves on with what it had where HAProxy refuses the next, and says why without its paths', async () => {
    // Those of earlier reloads may end meanwhile.
    const serving = async () => (await at.workers()).find(({ reloads }) => reloads === 0)
    const before = await serving()
    const refused = at.bring([at.plain, at.tcp, { ...listener({ port: 83, defaultBackend: 'web' }), port: 70_000 }])
    await expect(refused).rejects.toThrow(/HAProxy refuses it: .*70000/)
    await refused.catch((error: Error) => expect(error.message).not.toMatch(/\/|\[ALERT\]|\(\d+\)/))
    expect(await serving()).toEqual(before)
    // What it takes and cannot carry out.
    const blocker = execFileSync('sh', ['-c', `ip netns exec ${at.lab.namespace} socat TCP-LISTEN:84,reuseport=0 STDIO >/dev/null 2>&1 & echo $!`], { encoding: 'utf8' }).trim()
    try {
      await vi.waitFor(async () => expect((await run('ip', ['netns', 'exec', at.lab.namespace, 'ss', '-ltn'])).stdout).toContain(':84 '), { timeout: 30_000 })
      await expect(at.bring([at.plain, at.tcp, listener({ port: 84, defaultBackend: 'web' })])).rejects.toThrow(/serves with the one before/)
    } finally {
      process.kill(Number(blocker))
    }
    expect((await at.web()).status).toBe(200)
    expect(await at.bring()).toBe(null)
    expect((await at.web()).status).toBe(200)
  })

  it('a pod that refuses connections leaves by the first that fail and returns by itself; no request is lost to it', async () => {
    const bad = await at.pod('bad')
    const kept = at.servers.get('web') ?? []
    at.servers.set('web', [...kept, bad])
    await at.bring()
    bad.cut()
    const going = load(at.lab.address, 80)
    await vi.waitFor(async () => expect(await at.haproxy.serversDown()).toEqual([`web/${bad.address}:${bad.port}`]), { timeout: 30_000, interval: 20 })
    const seen = await at.haproxy.servers()
    expect(seen.filter(({ backend, health }) => backend === 'web' && health !== 'draining').map(({ server, health, problem }) => [server, health, problem === null]).sort()).toEqual([...kept.map(({ address, port }) => [`${address}:${port}`, 'up', true]), [`${bad.address}:${bad.port}`, 'down', false]].sort())
    expect(seen.some(({ health, total, receivedBytes, sentBytes }) => health === 'up' && total > 0 && receivedBytes > 0 && sentBytes > 0)).toBe(true)
    expect((await going.stop()).wrong).toEqual([])
    await new Promise<void>((resolve) => bad.server.listen(bad.port, bad.address, resolve))
    await vi.waitFor(async () => expect(await at.haproxy.serversDown()).toEqual([]), { timeout: 30_000, interval: 50 })
    at.servers.set('web', kept)
    await at.bring()
  })
})
