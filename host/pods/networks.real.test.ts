import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { NetworkBase, NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { NetworkObjects } from '@/host/ledger/network-objects'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { Lab, network, pod, until } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import { Networks, restoreNetworks } from './networks'

let lab: Lab
let folder: string
/** The namespaces of two that speak to each other, and of one who is denied. */
let guests: { a: string; b: string; denied: string }
let arrived: () => Promise<number>
let stop: () => Promise<void>
let agent: { hosts: HostNetwork; kept: NetworkObjects; networks: Networks }

const networkId = randomUUID()
const log = { warn: vi.fn(), error: vi.fn() }
const place = (name: string, last: number): Attachment => ({ network: network(1, { id: networkId }), pod: pod(name, last) })
const all = [place('a', 5), place('b', 6), place('denied', 7)]
const base: NetworkBase = { kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: [], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }
/** To 10.0.0.6 from 10.0.0.5 alone. */
const policy: NetworkObject = { kind: 'policy', uid: randomUUID(), source: 'SecurityGroup', namespace: null, name: 'web', members: ['10.0.0.6'], directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: ['10.0.0.5'] } }] }
const message = (set: NetworkObject[], complete = false): NetworkMessage => ({ kind: 'networkObjects', networkId, complete, set, remove: [] })
const file = () => join(folder, `${networkId}.json`)

/** An agent that finds what the one before left, however that ended, and hears no server. */
async function begin(desired: readonly Attachment[] = all): Promise<void> {
  const kept = await NetworkObjects.open(folder, log)
  const hosts = lab.hostNetwork()
  restoreNetworks(kept, hosts, log)
  await hosts.reconcile(desired)
  agent = { hosts, kept, networks: new Networks({ kept, network: hosts, resolvers: { know: () => {}, forget: () => {} }, log }) }
}

beforeAll(async () => {
  lab = await Lab.create()
  folder = await mkdtemp(join(tmpdir(), 'networks-'))
  await begin([])
  agent.networks.take(message([base], true))
  const start = (one: Attachment) => lab.start(agent.hosts, one)
  guests = { a: await start(place('a', 5)), b: await start(place('b', 6)), denied: await start(place('denied', 7)) }
  await lab.reaches(guests.denied, '10.0.0.6')
  await lab.reaches(guests.a, '10.0.0.6')
})
afterEach(() => void log.error.mockClear())
afterAll(async () => {
  await stop?.()
  await agent?.kept.close()
  await lab?.hostNetwork().close()
  await lab?.destroy()
  await rm(folder, { recursive: true, force: true })
})

it('a policy that is in force is so for the next agent, which hears no server, from the first packet on', async () => {
  agent.networks.take(message([policy]))
  // The file of the moment in which the kernel has it: what an agent leaves that is killed then.
  await until(async () => (await lab.in(namespaceName(lab.hostTag, 1), 'nft', 'list', 'chains')).stdout.includes('policy_ingress_of_'))
  expect(await readFile(file(), 'utf8')).toContain(policy.uid)
  expect(await lab.pings(guests.denied, '10.0.0.6')).toBe(false)
  arrived = await lab.count(guests.b, 'ip saddr 10.0.0.7')
  stop = stream(guests.denied, '10.0.0.6')
  for (let i = 0; i < 3; i++) {
    await begin()
    await lab.reaches(guests.a, '10.0.0.6')
  }
  expect(await arrived()).toBe(0)
})

it('where what was kept is lost, nothing passes until the server says all of it', async () => {
  await agent.kept.close()
  const lose = [() => truncate(file(), 100), () => writeFile(file(), ''), () => rm(file())]
  for (const loss of lose) {
    await loss()
    await begin()
    // No look at the kernel changes that, nor an agent after the next.
    await agent.hosts.mend()
    await begin()
    expect(await lab.pings(guests.a, '10.0.0.6')).toBe(false)
    expect(() => agent.networks.take(message([policy]))).toThrow('before all of it')
    agent.networks.take(message([base, policy], true))
    await lab.reaches(guests.a, '10.0.0.6')
    await agent.kept.close()
  }
  expect(await arrived()).toBe(0)
})

it('what a full disk does not take is in force, and no older state speaks for it', async () => {
  const disk = await mkdtemp(join(tmpdir(), 'full-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  try {
    const kept = await NetworkObjects.open(disk, log)
    await kept.put(networkId, [base], true)
    await writeFile(join(disk, 'all'), Buffer.alloc(64 << 10)).catch(() => {})
    await kept.put(networkId, [base, policy], true)
    expect(log.error).toHaveBeenCalled()
    expect((await NetworkObjects.open(disk, log)).lost()).toEqual([networkId])
    // Room again.
    await rm(join(disk, 'all'))
    await kept.close()
    expect((await NetworkObjects.open(disk, log)).of(networkId)).toEqual([base, policy])
    expect((await stat(join(disk, `${networkId}.json`))).size).toBeGreaterThan(100)
  } finally {
    await run('umount', ['--lazy', disk])
    await rm(disk, { recursive: true })
  }
})

it('a pod of a server that says nothing of networks works after a restart', async () => {
  const plain: Attachment[] = [5, 6].map((last) => ({ network: network(2), pod: pod(`plain${last}`, last) }))
  const namespaces: string[] = []
  for (const where of plain) namespaces.push(await lab.start(agent.hosts, where))
  const [one = ''] = namespaces
  await lab.reaches(one, '10.0.0.6')
  await begin([...all, ...plain])
  await lab.reaches(one, '10.0.0.6')
  await begin()
})

it('one network that cannot be made right keeps its rules and no other from being taken up', async () => {
  const rules = async () => (await lab.in(namespaceName(lab.hostTag, 1), 'nft', 'list', 'ruleset')).stdout.replaceAll(/packets \d+ bytes \d+/g, '')
  const other: Attachment = { network: network(3), pod: pod('other', 9) }
  const loaded = await rules()
  // Two pods of one address: of whichever, one is wrong.
  await begin([...all, place('twin', 5), other])
  expect(await rules()).toBe(loaded)
  await lab.reaches(guests.a, '10.0.0.6')
  expect((await lab.traces()).namespaces).toContain(namespaceName(lab.hostTag, 3))
  // Two entries of different times: what the server says of the network decides.
  await begin([...all.map((one, i) => ({ ...one, network: { ...one.network, outbound: i === 0 ? 'nat' as const : 'none' as const } })), other])
  expect(await rules()).toBe(loaded)
  await lab.reaches(guests.a, '10.0.0.6')
  // The network itself contradicts where its pods are.
  agent.networks.take(message([{ ...base, subnets: [{ name: 'a', cidr: '10.0.0.0/16', gateway: '10.0.0.3' }] }]))
  await begin([...all, other])
  expect(await rules()).toBe(loaded)
  await lab.reaches(guests.a, '10.0.0.6')
  expect(await arrived()).toBe(0)
  // It was asked for all the time.
  agent.networks.take(message([base], true))
  await until(async () => await arrived() > 0)
})

/** Pings without a pause until the returned is called. */
function stream(from: string, address: string): () => Promise<void> {
  const ending = new AbortController()
  const ended = (async () => {
    while (!ending.signal.aborted) await lab.in(from, 'busybox', 'ping', '-c', '50', '-A', '-W', '1', '-w', '1', address).catch(() => {})
  })()
  return () => (ending.abort(), ended)
}
