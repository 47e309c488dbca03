import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { defaultOptions, type BalancerListener, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import { openCgroups } from '@/host/cgroups/cgroups'
import { closeGroups } from '@/host/cgroups/group-files'
import { isRunning, killProcess, processesOf } from '@/host/hypervisor/process-identity'
import { putJailsInGroups } from '@/host/images/jail/group'
import { run } from '@/platform/exec'
import { noteGroup } from '@/tools/testing/groups'
import type { Certificate } from '../ports'
import type { HaproxyProcess } from './haproxy'
import { HaproxyRecord, workersOf } from './process'
import { endUnwrittenHaproxies, removeBalancerFolder } from './strays'
import { BalancerLab } from './testing/balancer-lab'
import { ask, load, raw } from './testing/client'
import { httpBackend, listener, tcpBackend } from './testing/models'

describe.runIf(process.getuid?.() === 0)('the process of a balancer', { timeout: 30_000 }, () => {
  let lab: BalancerLab
  let haproxy: HaproxyProcess
  let onEnd = vi.fn()
  const servers = new Map<string, BalancerServer[]>()
  const certificates = new Map<string, Certificate>()
  const plain = listener({ port: 80, defaultBackend: 'web' })
  const tcp = listener({ port: 5000, protocol: 'tcp', defaultBackend: 'tcp' })
  const options = { ...defaultOptions, drainSeconds: 1 }
  const bring = (listeners: BalancerListener[] = [plain, tcp], rest: Partial<BalancerModel> = {}) => haproxy.bring({ balancer: lab.balancer({ listeners, backends: [httpBackend('web'), tcpBackend('tcp')], options, ...rest }), servers, certificates })
  const folder = () => join(lab.folder, 'balancer')
  const files = () => join(folder(), 'memory', 'now')
  const record = () => z.object({ process: HaproxyRecord }).parse(JSON.parse(readFileSync(join(folder(), 'state.json'), 'utf8'))).process
  const workers = async () => (await workersOf(files())).workers
  const web = () => ask(lab.address, 80)
  const pod = (answer = 'ok') => lab.pod((_, response) => void response.end(answer))

  beforeAll(async () => {
    lab = await BalancerLab.open()
    haproxy = lab.haproxy(() => onEnd())
    servers.set('web', [await pod(), await pod()])
    servers.set('tcp', [await lab.tcpPod((socket) => void socket.pipe(socket))])
    expect(await bring()).toBe(null)
  })
  afterAll(() => lab.close())

  it('runs behind walls: an account of its own without capabilities, nothing of the host but /usr and its files, no core, a filter of system calls', async () => {
    const { identity, uid } = record()
    const all = await processesOf(uid)
    expect(all).toHaveLength(2)
    for (const { pid } of all) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'))
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
      expect(status).toMatch(/^Seccomp:\s+2$/m)
      expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size\s+0\s+0/m)
    }
    expect((await readdir(`/proc/${identity.pid}/root`)).sort()).toEqual(['balancer', 'bin', 'dev', 'lib', 'lib64', 'sbin', 'usr'])
    for (const kind of ['mnt', 'pid', 'ipc', 'uts', 'net']) expect(await run('readlink', [`/proc/${identity.pid}/ns/${kind}`])).not.toEqual(await run('readlink', [`/proc/self/ns/${kind}`]))
  })

  it('changes servers as it runs, without another process, while requests go on', async () => {
    const before = await workers()
    const going = load(lab.address, 80)
    const kept = servers.get('web') ?? []
    for (let i = 0; i < 12; i += 1) {
      const next = await pod()
      servers.set('web', i % 3 === 2 ? [...kept] : [...kept.slice(i % 2), next])
      await bring()
      await delay(20)
    }
    servers.set('web', kept)
    await bring()
    const { asked, wrong } = await going.stop()
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(100)
    expect(await workers()).toEqual(before)
  })

  it('a server that leaves gets nothing new, keeps what it has for its time, and is cut then; one that returns meanwhile stays', async () => {
    const [first] = servers.get('tcp') ?? []
    const other = await lab.tcpPod((socket) => socket.on('end', () => socket.end()).resume().write('other'))
    const open = connect(5000, lab.address)
    open.write('one')
    expect(String((await once(open, 'data'))[0])).toBe('one')
    servers.set('tcp', [other])
    await bring()
    expect((await raw(lab.address, 5000, 'x', { isAll: (text) => text !== '' })).text).toBe('other')
    open.write('two')
    expect(String((await once(open, 'data'))[0])).toBe('two')
    servers.set('tcp', first ? [first, other] : [])
    await bring()
    await delay(1_500)
    open.write('three')
    expect(String((await once(open, 'data'))[0])).toBe('three')
    servers.set('tcp', [other])
    const left = performance.now()
    await bring()
    await once(open.on('error', () => {}).resume(), 'close')
    expect(performance.now() - left).toBeGreaterThan(900)
    servers.set('tcp', first ? [first] : [])
    await bring()
    expect((await raw(lab.address, 5000, 'back', { isAll: (text) => text !== '' })).text).toBe('back')
  })

  it('gives a server of weight 0 nothing, and one whose weight grows something', async () => {
    const idle = await pod('idle')
    const kept = servers.get('web') ?? []
    servers.set('web', [...kept, { ...idle, weight: 0 }])
    await bring()
    const some = async () => new Set((await Promise.all(Array.from({ length: 9 }, web))).map(({ body }) => body))
    expect(await some()).toEqual(new Set(['ok']))
    servers.set('web', [...kept, { ...idle, weight: 5 }])
    await bring()
    expect(await some()).toContain('idle')
    servers.set('web', kept)
    await bring()
  })

  it('reloads where a listener changes: no request fails and no connection is dropped; the old process ends with what it has', async () => {
    const [{ pid: before } = { pid: 0 }] = await workers()
    const open = connect(5000, lab.address)
    open.write('one')
    await once(open, 'data')
    const going = load(lab.address, 80)
    await delay(100)
    await bring([plain, tcp, listener({ port: 81, defaultBackend: 'web' })])
    await delay(200)
    expect((await ask(lab.address, 81)).status).toBe(200)
    const { asked, wrong } = await going.stop()
    expect({ wrong, many: asked > 50 }).toEqual({ wrong: [], many: true })
    expect((await workers()).map(({ pid }) => pid)).toContain(before)
    open.write('two')
    expect(String((await once(open, 'data'))[0])).toBe('two')
    open.destroy()
    await vi.waitFor(async () => expect(await workers()).toHaveLength(1), { timeout: 10_000, interval: 50 })
    expect((await haproxy.counters())[0]?.requests).toBeGreaterThan(asked)
  })

  it('a log that is followed goes on through a reload, and whoever asks later has what was before', async () => {
    const off = new AbortController()
    const lines: string[] = []
    const followed = (async () => {
      for await (const { path } of haproxy.log({ tailLines: 0, follow: true }, off.signal)) if (path) lines.push(path)
    })()
    await ask(lab.address, 80, { path: '/one' })
    await vi.waitFor(() => expect(lines).toContain('/one'))
    await bring([plain, tcp, listener({ port: 82, defaultBackend: 'web' })])
    await ask(lab.address, 82, { path: '/two' })
    await vi.waitFor(() => expect(lines).toContain('/two'))
    await bring()
    off.abort()
    await followed
    expect(lines.filter((path) => path === '/one' || path === '/two')).toEqual(['/one', '/two'])
    const tail: (string | null)[] = []
    for await (const { path } of haproxy.log({ tailLines: 10, follow: false }, new AbortController().signal)) tail.push(path)
    expect(tail).toEqual(expect.arrayContaining(['/one', '/two']))
    expect(tail.length).toBeLessThanOrEqual(10)
  })

  it('serves on with what it had where HAProxy refuses the next, and says why without its paths', async () => {
    // Those of earlier reloads may end meanwhile.
    const serving = async () => (await workers()).find(({ reloads }) => reloads === 0)
    const before = await serving()
    const refused = bring([plain, tcp, { ...listener({ port: 83, defaultBackend: 'web' }), port: 70_000 }])
    await expect(refused).rejects.toThrow(/HAProxy refuses it: .*70000/)
    await refused.catch((error: Error) => expect(error.message).not.toMatch(/\/|\[ALERT\]|\(\d+\)/))
    expect(await serving()).toEqual(before)
    // What it takes and cannot carry out.
    const blocker = execFileSync('sh', ['-c', `ip netns exec ${lab.namespace} socat TCP-LISTEN:84,reuseport=0 STDIO >/dev/null 2>&1 & echo $!`], { encoding: 'utf8' }).trim()
    await vi.waitFor(async () => expect((await run('ip', ['netns', 'exec', lab.namespace, 'ss', '-ltn'])).stdout).toContain(':84 '))
    await expect(bring([plain, tcp, listener({ port: 84, defaultBackend: 'web' })])).rejects.toThrow(/serves with the one before/)
    process.kill(Number(blocker))
    expect((await web()).status).toBe(200)
    expect(await bring()).toBe(null)
    expect((await web()).status).toBe(200)
  })

  it('a pod that refuses connections leaves by the first that fail and returns by itself; no request is lost to it', async () => {
    const bad = await pod('bad')
    const kept = servers.get('web') ?? []
    servers.set('web', [...kept, bad])
    await bring()
    bad.cut()
    const going = load(lab.address, 80)
    await vi.waitFor(async () => expect(await haproxy.serversDown()).toEqual([`web/${bad.address}:${bad.port}`]), { timeout: 5_000, interval: 20 })
    const seen = await haproxy.servers()
    expect(seen.filter(({ backend }) => backend === 'web').map(({ server, health, problem }) => [server, health, problem === null]).sort()).toEqual([...kept.map(({ address, port }) => [`${address}:${port}`, 'up', true]), [`${bad.address}:${bad.port}`, 'down', false]].sort())
    expect(seen.some(({ health, total, receivedBytes, sentBytes }) => health === 'up' && total > 0 && receivedBytes > 0 && sentBytes > 0)).toBe(true)
    expect((await going.stop()).wrong).toEqual([])
    await new Promise<void>((resolve) => bad.server.listen(bad.port, bad.address, resolve))
    await vi.waitFor(async () => expect(await haproxy.serversDown()).toEqual([]), { timeout: 5_000, interval: 50 })
    servers.set('web', kept)
    await bring()
  })

  it('keeps keys in memory alone: none in its configuration, arguments, state, log, or on a disk', async () => {
    const id = randomUUID()
    const certificate = await lab.certificate('canary.test', id)
    certificates.set(id, certificate)
    expect(await bring([plain, tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toBe(null)
    certificates.set(id, { ...(await lab.certificate('canary.test', id)), id })
    expect(await bring([plain, tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toBe(null)
    const keys = [certificate.pem, certificates.get(id)?.pem ?? ''].map((pem) => /PRIVATE KEY-----\n(.{40})/.exec(pem)?.[1] ?? '')
    const { uid } = record()
    for (const { pid } of await processesOf(uid)) {
      for (const file of ['cmdline', 'environ']) for (const key of keys) expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(key)
    }
    const texts = (place: string, ...more: string[]) => run('grep', ['-rlF', ...more, ...keys.flatMap((key) => ['-e', key]), place]).then(({ stdout }) => stdout.trim().split('\n'), () => [])
    expect(await texts(folder(), '--exclude-dir=memory')).toEqual([])
    expect(await texts(join(folder(), 'memory'))).toEqual([join(files(), `certificate-${id}.pem`)])
    expect((await run('stat', ['-f', '-c', '%T', files()])).stdout.trim()).toBe('tmpfs')
    expect((await run('stat', ['-c', '%a %u', join(folder(), 'memory')])).stdout.trim()).toBe('750 0')
    await run('setpriv', ['--reuid', '65534', '--clear-groups', '--regid', '65534', 'ls', files()]).then(() => expect.fail('others read it'), () => undefined)
    expect(await bring()).toBe(null)
    expect(await texts(folder())).toEqual([])
  })

  it('says which certificate is missing, and which port is silent for it', async () => {
    const id = randomUUID()
    expect(await bring([plain, tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toMatch(new RegExp(`^the certificate ${id} has not come to this host; without a certificate nothing answers at port 443\\.`))
    expect((await web()).status).toBe(200)
    await bring()
  })

  it('does not run where all it has is https without a certificate', async () => {
    const onlyTls = [listener({ port: 443, protocol: 'https', certificates: [randomUUID()], defaultBackend: 'web' })]
    expect(await bring(onlyTls)).toMatch(/nothing answers at port 443/)
    expect(record).toThrow()
    // That is as it shall be: who looks each second has nothing to do, and nothing is written.
    expect(await haproxy.isRunning()).toBe(true)
    const { mtimeMs } = await stat(join(folder(), 'state.json'))
    expect(await bring(onlyTls)).toMatch(/nothing answers at port 443/)
    expect((await stat(join(folder(), 'state.json'))).mtimeMs).toBe(mtimeMs)
    expect(await bring()).toBe(null)
  })

  it('an agent that was not told a certificate yet leaves the one that is served', async () => {
    const id = randomUUID()
    const tls = listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })
    certificates.set(id, await lab.certificate('kept.test', id))
    expect(await bring([plain, tcp, tls])).toBe(null)
    const before = await workers()
    certificates.clear()
    haproxy = lab.haproxy(() => onEnd())
    expect(await bring([plain, tcp, tls])).toBe(null)
    expect(await workers()).toEqual(before)
    await killProcess(record().identity)
    await vi.waitFor(async () => expect(await haproxy.isRunning()).toBe(false))
    expect(await bring([plain, tcp, tls])).toBe(null)
    expect((await run('openssl', ['s_client', '-connect', `${lab.address}:443`], { input: '' })).stdout).toContain('CN = kept.test')
    expect(await bring()).toBe(null)
  })

  it('outlives its agent, and the next one takes it up as it is', async () => {
    const { identity } = record()
    haproxy = lab.haproxy(() => onEnd())
    expect(await haproxy.isRunning()).toBe(true)
    const next = await pod('next')
    servers.set('web', [next])
    await bring()
    expect(record().identity).toEqual(identity)
    await vi.waitFor(async () => expect((await web()).body).toBe('next'))
    expect(await endUnwrittenHaproxies(dirname(folder()))).toBe(0)
    expect(await isRunning(identity)).toBe(true)
  })

  it.each(['its worker', 'its master'])('an end of %s is noticed within two seconds, and it is brought back', async (which) => {
    const { identity, uid } = record()
    onEnd = vi.fn()
    const all = await processesOf(uid)
    const victim = all.find(({ pid }) => (pid === identity.pid) === (which === 'its master'))
    if (victim) await killProcess(victim)
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalledOnce(), { timeout: 2_000, interval: 10 })
    expect(await haproxy.isRunning()).toBe(false)
    await bring()
    expect((await web()).status).toBe(200)
    expect(record().identity.pid).not.toBe(identity.pid)
  })

  it('has a control group of its own where there are some, and it goes with it', async () => {
    const name = `hypernetes-balancer-test-${process.pid}`
    noteGroup(name)
    const cgroups = await openCgroups(name)
    putJailsInGroups(cgroups)
    try {
      await haproxy.stop()
      await bring()
      const { identity, group } = record()
      const folders = cgroups.folders(group)
      for (const one of folders) expect((await readFile(join(one, 'cgroup.procs'), 'utf8')).split('\n')).toContain(String(identity.pid))
      await haproxy.stop()
      for (const one of folders) expect(existsSync(one)).toBe(false)
      await bring()
    } finally {
      await haproxy.stop()
      putJailsInGroups(null)
      await closeGroups(cgroups.parents)
      await bring()
    }
  })

  it('what an agent started and could not write down is ended by the next', async () => {
    const { identity } = record()
    await run('rm', [join(folder(), 'state.json')])
    haproxy = lab.haproxy(() => onEnd())
    expect(await endUnwrittenHaproxies(dirname(folder()))).toBeGreaterThan(0)
    await bring()
    expect(await isRunning(identity)).toBe(false)
    expect((await web()).status).toBe(200)
  })

  it('stops and leaves nothing: no process, no mount, no folder', async () => {
    const { uid } = record()
    await haproxy.stop()
    expect(await processesOf(uid)).toEqual([])
    expect(existsSync(folder())).toBe(false)
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(folder())
    await haproxy.stop()
    expect(await haproxy.isRunning()).toBe(false)
    await bring()
    await removeBalancerFolder(folder())
    expect(await processesOf(uid)).toEqual([])
    expect(existsSync(folder())).toBe(false)
  })
})
