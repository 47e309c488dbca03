import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { HostNetwork } from '@/host/network/host-network'
import { HOST, Lab, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import { logger } from '@/platform/logger'
import { resolverUids } from './jail'
import { Resolvers } from './resolvers'
import { Asker } from './testing/asker'

const log = logger('test')
log.level = 'fatal'
const ids = [randomUUID(), randomUUID()] as const
const podUids = [randomUUID(), randomUUID()] as const
let lab: Lab
let hosts: HostNetwork
let resolvers: Resolvers
let folder: string
let outside: ChildProcess
const namespaces: string[] = []
const askers: Asker[] = []

/** Two networks with the same addresses; the second has no way out. */
const message = (i: 0 | 1, dns: Partial<{ upstream: boolean }> = {}): NetworkMessage => ({ kind: 'networkObjects', networkId: ids[i], complete: true, remove: [], set: [
  { kind: 'network', number: i + 1, name: `net${i}`, tenantId: `t${i}`, subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: i === 0 ? 'nat' : 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [], ...dns } },
  { kind: 'service', uid: randomUUID(), namespace: 'default', name: i === 0 ? 'first' : 'second', addresses: [`10.96.0.${i + 1}`], externalName: null, localOnly: false, affinitySeconds: null, ports: [{ name: 'http', protocol: 'tcp', port: 80, endpoints: [] }], hosts: [] },
] })
const tell = async (told: NetworkMessage) => {
  await hosts.applyObjects(told.networkId, told)
  resolvers.know(told.networkId, told.set)
}
const ask = (i: 0 | 1, kind: 'A' | 'SRV', name: string) => askers[i]?.ask(kind, name)
const nameserver = () => spawn('nsenter', [`--net=/run/netns/${lab.outside}`, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--pid-file=', '--user=root', `--listen-address=${OUTSIDE}`, '--bind-interfaces', '--address=/example.com/198.51.100.7', '--local=/#/', '--log-queries', `--log-facility=${join(folder, 'outside.log')}`], { stdio: 'inherit' })

describe.runIf(process.getuid?.() === 0)('resolvers behind the packet filter of their networks', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dns-networks-'))
    lab = await Lab.create()
    hosts = lab.hostNetwork({ resolverUids })
    resolvers = await Resolvers.open({ folder: join(folder, 'dns'), upstream: [OUTSIDE], log }, [], [])
    outside = nameserver()
    for (const i of [0, 1] as const) {
      await tell(message(i))
      const attachment = { network: network(i + 1, { id: ids[i], outbound: i === 0 ? 'nat' : 'none' }), pod: pod(podUids[i], 5) }
      const port = await hosts.attach(attachment)
      namespaces.push(port.netns)
      const guest = await lab.guest(port, attachment)
      await lab.reaches(guest, '10.0.0.1')
      resolvers.attached({ uid: podUids[i], networkId: ids[i], namespace: port.netns })
      askers.push(new Asker(guest, '10.0.0.1'))
    }
    await resolvers.settled()
  })
  afterAll(async () => {
    await Promise.all(askers.map((asker) => asker.close()))
    for (const uid of podUids) await resolvers.detached(uid)
    await resolvers.close()
    const ended = once(outside, 'exit')
    outside.kill('SIGKILL')
    await ended
    await hosts.close()
    await lab.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  it('answer for their own network alone, though both have the same addresses', async () => {
    expect(await ask(0, 'A', 'first.default.svc.cluster.local')).toEqual(['10.96.0.1'])
    expect(await ask(1, 'A', 'second.default.svc.cluster.local')).toEqual(['10.96.0.2'])
    expect(await ask(0, 'A', 'second.default.svc.cluster.local')).toBe('ENOTFOUND')
    expect(await ask(1, 'A', 'first.default.svc.cluster.local')).toBe('ENOTFOUND')
    expect(await ask(1, 'SRV', '_http._tcp.second.default.svc.cluster.local')).toEqual([{ name: 'second.default.svc.cluster.local', port: 80, priority: 0, weight: 100 }])
  })

  it('ask outside as the host, where the network has a way out and says so', async () => {
    await tell(message(0))
    await resolvers.settled()
    expect(await ask(0, 'A', 'www.example.com')).toEqual(['198.51.100.7'])
    expect(await readFile(join(folder, 'outside.log'), 'utf8')).toContain(`query[A] www.example.com from ${HOST}`)
    expect(await ask(1, 'A', 'www.example.com')).toBe('EREFUSED')
    await tell(message(0, { upstream: false }))
    await expect.poll(() => ask(0, 'A', 'www.example.com')).toBe('EREFUSED')
  })

  it('are the only ones there that send: not another account, not to another port', async () => {
    const seen = await lab.count(lab.outside, 'udp dport { 53, 54 } udp length 17')
    const send = (user: number, port: number) => lab.in(namespaces[0] ?? '', 'setpriv', '--reuid', String(user), '--clear-groups', 'socat', '-u', 'OPEN:/etc/passwd,readbytes=9', `UDP:${OUTSIDE}:${port}`).catch(() => undefined)
    await send(65_534, 53)
    await send(700_005, 53)
    await send(resolverUids.first, 54)
    expect(await seen()).toBe(0)
    await send(resolverUids.first, 53)
    await expect.poll(seen).toBe(1)
  })
})
