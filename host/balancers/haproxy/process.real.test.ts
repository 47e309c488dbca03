import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openCgroups } from '@/host/cgroups/cgroups'
import { closeGroups } from '@/host/cgroups/group-files'
import { isRunning, killProcess, processesOf } from '@/host/hypervisor/process-identity'
import { expectJailed, viewProcess } from '@/host/hypervisor/testing/process-view'
import { putJailsInGroups } from '@/host/images/jail/group'
import { jailUid } from '@/host/images/jail/jail'
import { StartGate } from '@/host/pods/start-gate'
import { run } from '@/platform/exec'
import { noteGroup } from '@/tools/testing/groups'
import { NoAnswer } from './runtime'
import { endUnwrittenHaproxies, removeBalancerFolder } from './strays'
import { listener } from './testing/models'
import { ProcessLab } from './testing/process-lab'

describe.runIf(process.getuid?.() === 0)('the process of a balancer', () => {
  let at: ProcessLab

  beforeAll(async () => {
    at = await ProcessLab.open()
    expect(await at.bring()).toBe(null)
  })
  afterAll(() => at.lab.close())

  it('runs behind walls: an account of its own without capabilities, nothing of the host but /usr and its files, no core, a filter of system calls', async () => {
    const { identity, uid } = at.record()
    const all = (await processesOf(uid)).map(({ pid }) => pid)
    expect(all).toHaveLength(2)
    expect(all).toContain(identity.pid)
    for (const view of await Promise.all(all.map(viewProcess))) {
      expectJailed(view, uid, await viewProcess(process.pid), { root: ['balancer', 'bin', 'dev', 'lib', 'lib64', 'sbin', 'usr'], files: [/^\/balancer\//] })
      expect(view.fileSizeLimit).toBe('0 0')
    }
  })

  it('keeps keys in memory alone: none in its configuration, arguments, state, log, or on a disk', async () => {
    const id = randomUUID()
    const certificate = await at.lab.certificate('canary.test', id)
    at.certificates.set(id, certificate)
    expect(await at.bring([at.plain, at.tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toBe(null)
    at.certificates.set(id, { ...(await at.lab.certificate('canary.test', id)), id })
    expect(await at.bring([at.plain, at.tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toBe(null)
    const keys = [certificate.pem, at.certificates.get(id)?.pem ?? ''].map((pem) => /PRIVATE KEY-----\n(.{40})/.exec(pem)?.[1] ?? '')
    const { uid } = at.record()
    for (const { pid } of await processesOf(uid)) {
      for (const file of ['cmdline', 'environ']) for (const key of keys) expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(key)
    }
    const texts = (place: string, ...more: string[]) => run('grep', ['-rlF', ...more, ...keys.flatMap((key) => ['-e', key]), place]).then(({ stdout }) => stdout.trim().split('\n'), () => [])
    expect(await texts(at.folder, '--exclude-dir=memory')).toEqual([])
    expect(await texts(join(at.folder, 'memory'))).toEqual([join(at.files, `certificate-${id}.pem`)])
    expect((await run('stat', ['-f', '-c', '%T', at.files])).stdout.trim()).toBe('tmpfs')
    expect((await run('stat', ['-c', '%a %u', join(at.folder, 'memory')])).stdout.trim()).toBe('750 0')
    await run('setpriv', ['--reuid', '65534', '--clear-groups', '--regid', '65534', 'ls', at.files]).then(() => expect.fail('others read it'), () => undefined)
    expect(await at.bring()).toBe(null)
    expect(await texts(at.folder)).toEqual([])
  })

  it('says which certificate is missing, and which port is silent for it', async () => {
    const id = randomUUID()
    expect(await at.bring([at.plain, at.tcp, listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })])).toMatch(new RegExp(`^the certificate ${id} has not come to this host; without a certificate nothing answers at port 443\\.`))
    expect((await at.web()).status).toBe(200)
    await at.bring()
  })

  it('does not run where all it has is https without a certificate', async () => {
    const onlyTls = [listener({ port: 443, protocol: 'https', certificates: [randomUUID()], defaultBackend: 'web' })]
    expect(await at.bring(onlyTls)).toMatch(/nothing answers at port 443/)
    expect(() => at.record()).toThrow()
    // That is as it shall be: who looks each second has nothing to do, and nothing is written.
    expect(await at.haproxy.isRunning()).toBe(true)
    const { mtimeMs } = await stat(join(at.folder, 'state.json'))
    expect(await at.bring(onlyTls)).toMatch(/nothing answers at port 443/)
    expect((await stat(join(at.folder, 'state.json'))).mtimeMs).toBe(mtimeMs)
    expect(await at.bring()).toBe(null)
  })

  it('an agent that was not told a certificate yet leaves the one that is served', async () => {
    const id = randomUUID()
    const tls = listener({ port: 443, protocol: 'https', certificates: [id], defaultBackend: 'web' })
    at.certificates.set(id, await at.lab.certificate('kept.test', id))
    expect(await at.bring([at.plain, at.tcp, tls])).toBe(null)
    const before = await at.workers()
    at.certificates.clear()
    at.haproxy = at.lab.haproxy(() => at.onEnd())
    expect(await at.bring([at.plain, at.tcp, tls])).toBe(null)
    expect(await at.workers()).toEqual(before)
    await killProcess(at.record().identity)
    await vi.waitFor(async () => expect(await at.haproxy.isRunning()).toBe(false), { timeout: 30_000 })
    expect(await at.bring([at.plain, at.tcp, tls])).toBe(null)
    expect((await run('openssl', ['s_client', '-connect', `${at.lab.address}:443`], { input: '' })).stdout).toContain('CN = kept.test')
    expect(await at.bring()).toBe(null)
  })

  it('outlives its agent, and the next one takes it up as it is', async () => {
    const { identity } = at.record()
    at.haproxy = at.lab.haproxy(() => at.onEnd())
    expect(await at.haproxy.isRunning()).toBe(true)
    const next = await at.pod('next')
    at.servers.set('web', [next])
    await at.bring()
    expect(at.record().identity).toEqual(identity)
    await vi.waitFor(async () => expect((await at.web()).body).toBe('next'), { timeout: 30_000 })
    expect(await endUnwrittenHaproxies(dirname(at.folder))).toBe(0)
    expect(await isRunning(identity)).toBe(true)
  })

  it.each(['its worker', 'its master'])('an end of %s is noticed, and it is brought back', async (which) => {
    const { identity, uid } = at.record()
    at.onEnd = vi.fn()
    const all = await processesOf(uid)
    const victim = all.find(({ pid }) => (pid === identity.pid) === (which === 'its master'))
    if (victim) await killProcess(victim)
    await vi.waitFor(() => expect(at.onEnd).toHaveBeenCalledOnce(), { timeout: 30_000, interval: 10 })
    expect(await at.haproxy.isRunning()).toBe(false)
    await at.bring()
    expect((await at.web()).status).toBe(200)
    expect(at.record().identity.pid).not.toBe(identity.pid)
  })

  it('has a control group of its own where there are some, and it goes with it', async () => {
    const name = `hypernetes-balancer-test-${process.pid}`
    noteGroup(name)
    const cgroups = await openCgroups(name)
    putJailsInGroups(cgroups)
    try {
      await at.haproxy.stop()
      await at.bring()
      const { identity, group } = at.record()
      const folders = cgroups.folders(group)
      for (const one of folders) expect((await readFile(join(one, 'cgroup.procs'), 'utf8')).split('\n')).toContain(String(identity.pid))
      await at.haproxy.stop()
      for (const one of folders) expect(existsSync(one)).toBe(false)
      await at.bring()
    } finally {
      await at.haproxy.stop()
      putJailsInGroups(null)
      await closeGroups(cgroups.parents)
      await at.bring()
    }
  })

  it('what an agent started and could not write down is ended by the next', async () => {
    const { identity } = at.record()
    await run('rm', [join(at.folder, 'state.json')])
    at.haproxy = at.lab.haproxy(() => at.onEnd())
    expect(await endUnwrittenHaproxies(dirname(at.folder))).toBeGreaterThan(0)
    await at.bring()
    expect(await isRunning(identity)).toBe(false)
    expect((await at.web()).status).toBe(200)
  })

  it('has an account that nobody else is given as long as it is here', async () => {
    const { uid } = at.record()
    const given = () => new Set(Array.from({ length: 0xfff0 }, jailUid))
    expect(given().has(uid)).toBe(false)
    await at.haproxy.stop()
    expect(given().has(uid)).toBe(true)
    await at.bring()
  })

  it('serves on where there is no room for the files of the next, which come once there is', async () => {
    const fill = join(at.folder, 'memory', 'fill')
    await run('dd', ['if=/dev/zero', `of=${fill}`, 'bs=1M']).catch(() => {})
    const next = [at.plain, at.tcp, listener({ port: 86, defaultBackend: 'web' })]
    await expect(at.bring(next)).rejects.toThrow('ENOSPC')
    expect((await at.web()).status).toBe(200)
    await rm(fill)
    expect(await at.bring(next)).toBe(null)
    expect(await at.bring()).toBe(null)
  })

  it('that runs and says nothing any more is ended and begun anew', async () => {
    at.haproxy = at.lab.haproxy(() => at.onEnd(), { silentMs: 10 })
    await at.bring()
    const { identity, uid } = at.record()
    for (const { pid } of await processesOf(uid)) if (pid !== identity.pid) process.kill(pid, 'SIGSTOP')
    expect(await at.haproxy.isRunning()).toBe(true)
    // Asked at once, so that it takes no longer than one of them.
    await Promise.all(Array.from({ length: 3 }, () => expect(at.haproxy.serversDown()).rejects.toThrow(NoAnswer)))
    await vi.waitFor(async () => expect(await at.haproxy.isRunning()).toBe(false), { timeout: 30_000 })
    await at.bring()
    expect(await isRunning(identity)).toBe(false)
    expect((await at.web()).status).toBe(200)
    expect(await at.haproxy.isRunning()).toBe(true)
  })

  it('begins, and reloads, in its turn among those of its host; servers change without', async () => {
    const gate = new StartGate(2)
    const [now, seen] = [new Set<object>(), { most: 0, times: 0 }]
    const inTurn = <T>(act: () => Promise<T>): Promise<T> => gate.do(async () => {
      const one = {}
      now.add(one)
      seen.most = Math.max(seen.most, now.size)
      seen.times += 1
      return act().finally(() => now.delete(one))
    })
    const labs = await Promise.all(Array.from({ length: 4 }, () => ProcessLab.open({ inTurn })))
    try {
      await Promise.all(labs.map((lab) => lab.bring()))
      expect(seen).toEqual({ most: 2, times: 4 })
      const [lab] = labs as [ProcessLab]
      lab.servers.set('web', [await lab.pod('next')])
      await lab.bring()
      expect(seen.times).toBe(4)
      await lab.bring([lab.plain])
      expect(seen.times).toBe(5)
      expect((await lab.web()).body).toBe('next')
    } finally {
      await Promise.all(labs.map(({ lab }) => lab.close()))
    }
  })

  it('stops and leaves nothing: no process, no mount, no folder', async () => {
    await at.haproxy.stop()
    await at.bring()
    const { uid } = at.record()
    await at.haproxy.stop()
    expect(await processesOf(uid)).toEqual([])
    expect(existsSync(at.folder)).toBe(false)
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(at.folder)
    await at.haproxy.stop()
    expect(await at.haproxy.isRunning()).toBe(false)
    await at.bring()
    await removeBalancerFolder(at.folder)
    expect(await processesOf(uid)).toEqual([])
    expect(existsSync(at.folder)).toBe(false)
  })
})
