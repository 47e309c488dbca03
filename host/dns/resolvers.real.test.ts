import { readdir, readFile, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { NetworkBase, NetworkObject, NetworkService } from '@/contracts/host/v1/networks'
import { isRunning, processesOf } from '@/host/hypervisor/process-identity'
import { expectJailed, viewProcess } from '@/host/hypervisor/testing/process-view'
import { jailedProcesses } from '@/host/images/jail/testing/jailed-processes'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import { ResolverRecord } from './process'
import { Resolvers } from './resolvers'
import { Asker, type QuestionKind } from './testing/asker'
import { DnsLab, outsideNameserver } from './testing/dns-lab'

const log = logger('test')
log.level = 'fatal'
const networkId = randomUUID()
/** Gateways that are nowhere yet. */
const withoutPods = [{ name: 'c', cidr: '10.9.0.0/24', gateway: '10.9.0.1' }, { name: 'd', cidr: 'fd09::/64', gateway: 'fd09::1' }]
const base: NetworkBase = { kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'b', cidr: 'fd00::/64', gateway: 'fd00::1' }, ...withoutPods], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] } }
const service = (name: string, rest: Partial<NetworkService>): NetworkService => ({ kind: 'service', uid: randomUUID(), namespace: 'default', name, addresses: [], externalName: null, localOnly: false, affinitySeconds: null, ports: [], hosts: [], ...rest })
const pod = (name: string, addresses: string[]): NetworkObject => ({ kind: 'pod', uid: randomUUID(), namespace: 'default', name, hostname: name, subdomain: null, hostId: null, addresses })
const http = (port: number, addresses: string[]) => ({ name: 'http', protocol: 'tcp' as const, port: 80, endpoints: addresses.map((address) => ({ address, port, hostId: null })) })
const objects: NetworkObject[] = [
  base,
  pod('web-0', ['10.0.0.5', 'fd00::5']),
  pod('web-1', ['10.0.0.6']),
  service('web', { addresses: ['10.96.0.5'], ports: [http(8080, ['10.0.0.5'])] }),
  service('db', { ports: [http(8080, ['10.0.0.5', '10.0.0.6'])], hosts: [{ hostname: 'db-0', address: '10.0.0.5' }, { hostname: 'db-1', address: '10.0.0.6' }] }),
  service('alias', { externalName: 'web.default.svc.cluster.local' }),
  service('outside', { externalName: 'www.example.com' }),
  service('both', { externalName: 'outside.default.svc.cluster.local' }),
  service('nowhere', { externalName: 'nowhere.example.net' }),
]

let lab: DnsLab
let resolvers: Resolvers
let asker: Asker
let outside: Awaited<ReturnType<DnsLab['nameserver']>>
const podUid = randomUUID()
const folder = () => join(lab.folder, 'dns')
const open = (pods = [{ uid: podUid, networkId, namespace: lab.network }], known = objects) => Resolvers.open({ folder: folder(), upstream: [outsideNameserver], log }, pods, [{ kind: 'networkObjects', networkId, complete: true, set: known, remove: [] }])
const ask = (kind: QuestionKind, name: string) => asker.ask(kind, name)
const saved = z.object({ names: ResolverRecord, records: ResolverRecord.nullable(), aliases: ResolverRecord.nullable() })
/** What is written down of the network's processes. */
const state = async () => saved.parse(JSON.parse(await readFile(join(folder(), networkId, 'state.json'), 'utf8')))

describe.runIf(process.getuid?.() === 0)('a network\'s resolver', () => {
  beforeAll(async () => {
    lab = await DnsLab.open()
    outside = await lab.nameserver()
    resolvers = await open()
    asker = new Asker(lab.pod, '10.0.0.1')
    await resolvers.settled()
  })
  afterAll(async () => {
    await asker.close()
    await resolvers.detached(podUid)
    await resolvers.close()
    await lab.close()
  })

  it('answers for services, headless ones, pods and addresses, in both families, and says no rightly', async () => {
    expect(await ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
    expect(await ask('AAAA', 'web.default.svc.cluster.local')).toBe('ENODATA')
    expect(await ask('A', 'db.default.svc.cluster.local')).toEqual(expect.arrayContaining(['10.0.0.5', '10.0.0.6']))
    expect(await ask('A', 'db-1.db.default.svc.cluster.local')).toEqual(['10.0.0.6'])
    expect(await ask('AAAA', 'web-0.default.pod.cluster.local')).toEqual(['fd00::5'])
    expect(await ask('A', '10-0-0-6.default.pod.cluster.local')).toEqual(['10.0.0.6'])
    expect(await ask('A', 'WEB.Default.svc.cluster.local')).toEqual(['10.96.0.5'])
    expect(await ask('SRV', '_http._tcp.web.default.svc.cluster.local')).toEqual([{ name: 'web.default.svc.cluster.local', port: 80, priority: 0, weight: 100 }])
    expect(await ask('SRV', '_http._tcp.db.default.svc.cluster.local')).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'db-1.db.default.svc.cluster.local', port: 8080 })]))
    expect(await ask('PTR', '10.96.0.5')).toEqual(['web.default.svc.cluster.local'])
    expect(await ask('PTR', '10.0.0.6')).toEqual(['db-1.db.default.svc.cluster.local'])
    expect(await ask('CNAME', 'alias.default.svc.cluster.local')).toEqual(['web.default.svc.cluster.local'])
    expect(await ask('A', 'alias.default.svc.cluster.local')).toEqual(['10.96.0.5'])
    for (const name of ['none.default.svc.cluster.local', '_none._tcp.web.default.svc.cluster.local', 'cluster.local.evil']) expect(await ask('A', name), name).toBe('ENOTFOUND')
    expect(await ask('A', 'default.svc.cluster.local')).toBe('ENODATA')
    const v6 = new Asker(lab.pod, '[fd00::1]')
    expect(await v6.ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
    await v6.close()
  })

  it('asks outside for other names alone: none of its own domain and addresses, and no name without a dot', async () => {
    expect(await ask('A', 'www.example.com')).toEqual(['198.51.100.7'])
    await ask('A', 'none.default.svc.cluster.local')
    await ask('PTR', '10.0.0.99')
    await ask('PTR', '10.96.0.99')
    await ask('A', 'plain')
    const asked = await outside.asked()
    expect(asked).toContain('query[A] www.example.com')
    for (const own of ['cluster.local ', 'in-addr.arpa', 'plain']) expect(asked).not.toContain(own)
  })

  it('follows a name that stands for one outside to its end', async () => {
    expect(await ask('A', 'outside.default.svc.cluster.local')).toEqual(['198.51.100.7'])
    expect(await ask('A', 'both.default.svc.cluster.local')).toEqual(['198.51.100.7'])
    expect(await ask('CNAME', 'both.default.svc.cluster.local')).toEqual(['outside.default.svc.cluster.local'])
    // There is the chain, and no address at its end.
    expect(await ask('AAAA', 'outside.default.svc.cluster.local')).toEqual([])
    expect(await ask('A', 'nowhere.default.svc.cluster.local')).toBe('ENOTFOUND')
    expect(await outside.asked()).not.toContain('cluster.local ')
  })

  it('serves a change within a second, and loses no question meanwhile', async () => {
    let asked = 0
    const wrong: unknown[] = []
    let going = true
    const askers = Array.from({ length: 4 }, () => new Asker(lab.pod, '10.0.0.1'))
    const load = Promise.all(askers.map(async (one, i) => {
      while (going) {
        const kind = i % 2 === 0 ? 'A' : 'SRV'
        const found = await one.ask(kind, kind === 'A' ? 'web.default.svc.cluster.local' : '_http._tcp.web.default.svc.cluster.local')
        asked += 1
        await delay(1)
        if (!Array.isArray(found) || found.length !== 1) wrong.push(found)
      }
    }))
    const took: number[] = []
    for (let i = 0; i < 6; i += 1) {
      const change = [...objects, service('new', { addresses: [`10.96.1.${i}`], ports: [{ name: `p${i}`, protocol: 'tcp', port: 80, endpoints: [] }] })]
      const began = performance.now()
      resolvers.know(networkId, change)
      await expect.poll(() => ask('A', 'new.default.svc.cluster.local'), { interval: 2 }).toEqual([`10.96.1.${i}`])
      took.push(performance.now() - began)
      await expect.poll(() => ask('SRV', `_p${i}._tcp.new.default.svc.cluster.local`), { interval: 5 }).toHaveLength(1)
    }
    going = false
    await load
    await Promise.all(askers.map((one) => one.close()))
    console.info(JSON.stringify({ asked, wrong: wrong.length, tookMs: took.map(Math.round) }))
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(100)
    resolvers.know(networkId, objects)
    await resolvers.settled()
  })

  it('runs without a capability, as an account of its own, in a root of its own, and small', async () => {
    const { names, ...helpers } = await state()
    const all = [names, ...Object.values(helpers)].flatMap((one) => one?.identity.pid ?? [])
    expect(all).toHaveLength(3)
    for (const view of await Promise.all(all.map(viewProcess))) expectJailed(view, names.uid, await viewProcess(process.pid), { root: ['bin', 'dev', 'dns', 'etc', 'lib', 'lib64', 'sbin', 'usr'], files: [new RegExp(`^${folder()}/${networkId}/[a-z0-9.-]+\\.stderr$`), /^\/dns\/[a-z0-9.-]+$/, /^\/usr\//] })
    const pss = Number(/^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${names.identity.pid}/smaps_rollup`, 'utf8'))?.[1])
    console.info(`a resolver's own memory: ${pss} KiB`)
    expect(pss).toBeLessThan(16 << 10)
  })

  it('is started again when it is killed, and when its namespace was made anew', async () => {
    // One that answers may not be written down yet.
    await resolvers.settled()
    const before = await state()
    for (const record of [before.names, before.records, before.aliases]) if (record) process.kill(record.identity.pid, 'SIGKILL')
    await expect.poll(() => ask('SRV', '_http._tcp.web.default.svc.cluster.local')).toHaveLength(1)
    await asker.close()
    await lab.makeNetwork()
    asker = new Asker(lab.pod, '10.0.0.1')
    await expect.poll(() => ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
  })

  it('is taken up by the next agent with the same processes, and what that does not know of is killed', async () => {
    await resolvers.settled()
    const before = await state()
    await resolvers.close()
    expect(await ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
    resolvers = await open()
    await resolvers.settled()
    expect(await state()).toEqual(before)
    // An agent that died before it wrote anything down.
    await resolvers.close()
    await rm(join(folder(), networkId, 'state.json'))
    // Who counts what is left finds them by their folder, and by their network's namespace where that is gone.
    const left = async (place: string, hostTag: string) => (await jailedProcesses(place, hostTag)).map(({ program }) => program).sort()
    expect([await left(lab.folder, 'none'), await left('/nowhere', lab.network.split('-')[1] ?? ''), await left('/nowhere', 'none')]).toEqual([['dnsmasq', 'dnsmasq', 'perl'], ['dnsmasq', 'dnsmasq', 'perl'], []])
    resolvers = await open()
    await resolvers.settled()
    const after = await state()
    expect(after.names.identity).not.toEqual(before.names.identity)
    expect(await Promise.all([before.names, before.records, before.aliases].map((record) => record && isRunning(record.identity)))).toEqual([false, false, false])
    expect(await ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
  })

  it('asks nobody where it must not, and ends with its last pod', async () => {
    resolvers.attached({ uid: podUid, networkId, namespace: lab.network })
    resolvers.know(networkId, [{ ...base, outbound: 'none' }])
    await resolvers.settled()
    await expect.poll(() => ask('A', 'www.example.com')).toBe('EREFUSED')
    expect(await ask('A', 'web.default.svc.cluster.local')).toBe('ENOTFOUND')
    const { names } = await state()
    await resolvers.detached(podUid)
    expect(await processesOf(names.uid)).toEqual([])
    expect(await readdir(folder())).toEqual([])
    // Of an agent that comes without this network's pods nothing is left either.
    resolvers.attached({ uid: podUid, networkId, namespace: lab.network })
    await resolvers.settled()
    const { names: again } = await state()
    await resolvers.close()
    resolvers = await open([])
    expect(await processesOf(again.uid)).toEqual([])
    expect(await readdir(folder())).toEqual([])
  })

  it('that cannot be brought up is told of to each pod of its network once, to one that comes later too, and so is that it is again', async () => {
    const told: string[] = []
    const deaf = new Set<string>([podUid])
    resolvers = await Resolvers.open({ folder: folder(), upstream: [outsideNameserver], log, tell: (uid, { type, reason }) => (deaf.has(uid) ? false : told.push(`${uid === podUid ? 'first' : 'second'}: ${type} ${reason}`) > 0) }, [], [{ kind: 'networkObjects', networkId, complete: true, set: objects, remove: [] }])
    await run('mount', ['--bind', folder(), folder()])
    await run('mount', ['-o', 'remount,bind,ro', folder()])
    try {
      resolvers.attached({ uid: podUid, networkId, namespace: lab.network })
      resolvers.attached({ uid: 'second', networkId, namespace: lab.network })
      await expect.poll(() => told, { timeout: 30_000 }).toEqual(['second: Warning ResolverFailed'])
      // Nobody heard it for the first one until now.
      deaf.clear()
      await expect.poll(() => told, { timeout: 30_000 }).toEqual(['second: Warning ResolverFailed', 'first: Warning ResolverFailed'])
    } finally {
      await run('umount', ['--lazy', folder()])
    }
    await expect.poll(() => told.slice(2).sort(), { timeout: 60_000 }).toEqual(['first: Normal ResolverReady', 'second: Normal ResolverReady'])
    await resolvers.settled()
    expect(await ask('A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.5'])
    await resolvers.detached('second')
  })
})
