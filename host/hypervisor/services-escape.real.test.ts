import { spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { haproxyLimits, jailedHaproxy } from '@/host/balancers/haproxy/jail'
import { MemoryFolder } from '@/host/balancers/haproxy/memory-folder'
import { jailedResolver, resolverLimits } from '@/host/dns/jail'
import { jailUid } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { attemptsIn, escapeScript } from './testing/escape-script'
import { servicePlaces } from './testing/service-places'

const namespace = `escape-${process.pid}-n`
const path = `/run/netns/${namespace}`
const abstract = `hypernetes-services-${process.pid}`
let folder: string
let agent: Server
let loopback: Server
let others: Awaited<ReturnType<typeof servicePlaces>>
let memory: MemoryFolder
const [haproxyUid, resolverUid] = [jailUid(), jailUid()]

/** The script in the place of what runs in a jail; descriptor 3 is where bubblewrap says who it is. */
async function played([command, args]: [string, string[]]): Promise<Map<string, string>> {
  const child = spawn(command, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_ENV: 'test' }, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  const said = await text(child.stdio[2] as Readable)
  const tried = attemptsIn(said)
  expect(tried.size, said).toBeGreaterThan(75)
  return tried
}

/** In a root without /proc, /etc and /tmp nearly all of it is not there; sockets of the network are, and lead nowhere from a namespace that has no way out. What is not here is EPERM. */
const outcomes: readonly [RegExp, string][] = [
  [/^(read (the machine's|a neighbour's|a certificate's|a resolver's|through|kernel settings)|list (the data|a resolver's) folder|list what is above|see other processes|look at a process|speak to (a neighbour's|a balancer's))/, 'ENOENT'],
  [/^write into \/(proc|tmp|vm|vm\/disks|sys\/fs\/cgroup|etc)$|^be spared/, 'ENOENT'],
  [/^speak to the agent$/, 'ECONNREFUSED'],
  [/^signal a process/, 'ESRCH'],
  [/^(connect|send) to 10\./, 'ENETUNREACH'],
  [/^connect to 127\./, 'ECONNREFUSED'],
  [/^send to 127\./, 'done'],
  [/^make a socket of family (17|38|40)/, 'EAFNOSUPPORT'],
  [/^(start one by clone3|use io_uring)$/, 'ENOSYS'],
  [/^write into \/(usr|usr\/bin|balancer|dns)$/, 'EROFS'],
  [/^write into \/(dev)?$|^(change a program|take precedence)/, 'EACCES'],
  [/^join a namespace$/, 'died: No such file or directory'],
  [/^(use calls of another table|leave a core|write as far as a volume)/, 'nothing'],
  [/^grow its disk/, 'EBADF'],
]
const expected = (name: string, own: Readonly<Record<string, string>>) => own[name] ?? outcomes.find(([names]) => names.test(name))?.[1] ?? 'EPERM'

describe.runIf(process.getuid?.() === 0)('what runs beside VMs and was broken into', () => {
  const scriptOf = (own: string) => {
    const pid = process.pid
    const port = (loopback.address() as AddressInfo).port
    const targets = [`127.0.0.1:${port}`, '10.0.0.9:8080']
    return ['perl', '-e', escapeScript, '--', 'service=1', `own=${own}`, `here=${own}`, `data=${folder}`, `log=${join(folder, 'log')}`, `disk=${join(folder, 'disk')}`, `qmp=${join(folder, 'qmp.sock')}`, `pid=${pid}`, `abstract=${abstract}`, ...others.arguments, `addresses=${targets.join(',')}`]
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'services-'))
    await run('ip', ['netns', 'add', namespace])
    await run('ip', ['-n', namespace, 'link', 'set', 'dev', 'lo', 'up'])
    for (const file of ['log', 'disk', 'qmp.sock']) await writeFile(join(folder, file), 'x', { mode: 0o644 })
    agent = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => agent.listen(`\0${abstract}`, resolve))
    loopback = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => loopback.listen(0, '127.0.0.1', resolve))
    others = await servicePlaces(folder, jailUid())
    memory = new MemoryFolder(join(folder, 'balancers', 'mine', 'memory'), haproxyUid)
    await memory.make()
  })
  afterAll(async () => {
    agent.close()
    loopback.close()
    await memory.remove()
    await others.remove()
    await run('ip', ['netns', 'delete', namespace])
    await rm(folder, { recursive: true, force: true })
  })

  it('finds all of that where there is no wall', async () => {
    const names = ["read the machine's passwords", 'list the data folder', "read a neighbour's messages", "read a neighbour's disk", 'see other processes', 'look at a process of the host', 'read kernel settings', 'speak to the agent', "speak to a balancer's HAProxy", "read a certificate's key", "list a resolver's folder", "read a resolver's names", `connect to 127.0.0.1:${(loopback.address() as AddressInfo).port}`, 'make a socket of family 17', 'signal a process of the host', 'start a process in a user namespace', 'hold a process of the host', 'make a BPF map']
    const { stderr } = await run('perl', ['-e', ...scriptOf(folder).slice(2), `only=${names.join(',')}`])
    expect(Object.fromEntries(attemptsIn(stderr))).toEqual(Object.fromEntries(names.map((name) => [name, 'done'])))
  })

  it('HAProxy reaches nothing of its host or of others: it makes sockets of the network, and names in its folder of sockets', async () => {
    const tried = await played(jailedHaproxy(path, { files: memory.now, uid: haproxyUid }, scriptOf('/balancer,/balancer/run')))
    const processes = Number(tried.get('processes'))
    tried.delete('processes')
    expect(Object.fromEntries(tried)).toEqual(Object.fromEntries([...tried.keys()].map((name) => [name, expected(name, { 'make a socket of family 10': 'done', 'make a socket of family 16': 'EAFNOSUPPORT', 'write into /balancer/run': 'done' })])))
    expect(processes).toBeLessThan(haproxyLimits.processes)
  })

  it('a resolver and its helpers reach nothing either, and are told of their links', async () => {
    const own = join(folder, 'dns', 'mine')
    await mkdir(own, { recursive: true, mode: 0o750 })
    await writeFile(join(own, 'passwd'), 'nobody:x:65534:65534::/:\n', { mode: 0o640 })
    for (const place of [own, join(own, 'passwd')]) await chown(place, 0, resolverUid)
    const tried = await played(jailedResolver({ namespace: path, folder: own, uid: resolverUid, name: 'escaped', command: scriptOf('/dns') }))
    const processes = Number(tried.get('processes'))
    tried.delete('processes')
    expect(Object.fromEntries(tried)).toEqual(Object.fromEntries([...tried.keys()].map((name) => [name, expected(name, { 'make a socket of family 10': 'done', 'make a socket of family 16': 'done', 'write into /etc': 'EACCES' })])))
    expect(processes).toBeLessThan(resolverLimits.processes)
    expect(await readdir(own)).toEqual(['passwd'])
  })
})
