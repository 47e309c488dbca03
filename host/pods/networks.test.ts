import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { NetworkObjects } from '@/host/ledger/network-objects'
import { HostNetwork } from '@/host/network/host-network'
import { networkPort } from './adapters/network'
import { Networks, restoreNetworks } from './networks'
import { testAssignment } from './testing/assignment'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'networks-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const log = { warn: vi.fn(), error: vi.fn() }
const message = (networkId: string): NetworkMessage => ({ kind: 'networkObjects', networkId, complete: true, set: [{ kind: 'network', number: 5, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: [], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] } }], remove: [] })

describe('what the server says of networks', () => {
  it('is known to the packet filter, the resolver and the disk at once, and goes with the last pod', async () => {
    const told: string[] = []
    const kept = await NetworkObjects.open(folder, log)
    const networks = new Networks({
      kept,
      network: { takeObjects: (id, { set }) => (told.push(`rules ${id}`), { objects: set, restricts: false }), carryOut: async () => {}, forgetObjects: (id) => void told.push(`no rules ${id}`) },
      resolvers: { know: (id, objects) => void told.push(`names ${id} ${objects.length}`), forget: (id) => void told.push(`no names ${id}`) },
      log,
    })
    const pod = testAssignment()
    const { id } = pod.network
    networks.take(message(id))
    expect(told).toEqual([`rules ${id}`, `names ${id} 1`])
    networks.keep([pod], [])
    networks.keep([], [id])
    expect(told).toHaveLength(2)
    networks.keep([], [])
    expect(told.slice(2)).toEqual([`no rules ${id}`, `no names ${id}`])
    await kept.close()
  })

  it('that the kernel does not take is told in the log, and the rest goes on', async () => {
    const know = vi.fn()
    const networks = new Networks({ kept: await NetworkObjects.open(folder, log), network: { takeObjects: (_, { set }) => ({ objects: set, restricts: false }), carryOut: () => Promise.reject(new Error('nft')), forgetObjects: () => {} }, resolvers: { know, forget: () => {} }, log })
    networks.take(message(randomUUID()))
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), { timeout: 20_000 })
    expect(know).toHaveBeenCalled()
  })

  it('comes into force once the next agent would find it, where it restricts', async () => {
    const networkId = randomUUID()
    let onDisk: string[] = []
    const networks = new Networks({
      kept: await NetworkObjects.open(folder, log),
      network: { takeObjects: (_, { set }) => ({ objects: set, restricts: true }), carryOut: async (_, written) => (await written, void (onDisk = await readdir(folder))), forgetObjects: () => {} },
      resolvers: { know: () => {}, forget: () => {} },
      log,
    })
    networks.take(message(networkId))
    await vi.waitFor(() => expect(onDisk).toEqual([`${networkId}.json`]), { timeout: 20_000 })
  })

  it('and is refused changes neither the names nor what is kept; all of it is asked for again, once', async () => {
    const networkId = randomUUID()
    const hosts = new HostNetwork({ hostTag: 'tst', uidRange: { first: 700_000, last: 700_001 } })
    const kept = await NetworkObjects.open(folder, log)
    const know = vi.fn()
    const networks = new Networks({ kept, network: hosts, resolvers: { know, forget: () => {} }, log })
    const change: NetworkMessage = { ...message(networkId), complete: false }
    expect(() => networks.take(change)).toThrow('before all of it')
    expect(know).not.toHaveBeenCalled()
    // What cannot be read tells the next agent that it does not know.
    await vi.waitFor(async () => expect((await NetworkObjects.open(folder, log)).lost()).toEqual([networkId]), { timeout: 20_000 })
    networks.take(change)
    networks.take(message(networkId))
    expect(know).toHaveBeenCalledTimes(1)
    expect(kept.of(networkId)).toHaveLength(1)
    // More than is kept: the same for the packet filter, the names and the disk.
    const many = Array.from({ length: 50_001 }, (): NetworkObject => ({ kind: 'peer', uid: randomUUID(), number: 6, name: 'n', subnets: [] }))
    expect(() => networks.take({ ...change, set: many })).toThrow('at most 50000')
    expect(know).toHaveBeenCalledTimes(1)
    networks.take({ ...message(networkId), set: many })
    networks.take(change)
    expect(know).toHaveBeenCalledTimes(1)
    networks.take(message(networkId))
    expect(know).toHaveBeenCalledTimes(2)
    await kept.close()
    expect((await NetworkObjects.open(folder, log)).of(networkId)).toHaveLength(1)
  })
})

describe('what an earlier agent kept', () => {
  it('is told to the network; what is lost, or is no more taken, is closed there', async () => {
    const [known, lost, bad] = [randomUUID(), randomUUID(), randomUUID()]
    await writeFile(join(folder, `${lost}.json`), '')
    const kept = await NetworkObjects.open(folder, log)
    await kept.put(known, message(known).set, true)
    await kept.put(bad, Array.from({ length: 50_001 }, (): NetworkObject => ({ kind: 'peer', uid: randomUUID(), number: 6, name: 'n', subnets: [] })), true)
    const hosts = new HostNetwork({ hostTag: 'tst', uidRange: { first: 700_000, last: 700_001 } })
    const closed = vi.spyOn(hosts, 'closeNetwork')
    restoreNetworks(kept, hosts, log)
    expect(closed.mock.calls).toEqual([[lost]])
    const change = (networkId: string): NetworkMessage => ({ ...message(networkId), complete: false })
    hosts.takeObjects(known, change(known))
    for (const id of [lost, bad]) expect(() => hosts.takeObjects(id, change(id))).toThrow('which is not known any more')
    await kept.close()
  })
})

describe('a pod\'s place in its network', () => {
  it('brings the resolver along once it stands, does not wait for it, and takes it away with the pod', async () => {
    const told: string[] = []
    let isBackAt: (address: string) => boolean = () => true
    let stands = () => {}
    const ready = new Promise<void>((resolve) => (stands = resolve))
    const port = networkPort(
      { beginAttach: async () => ({ port: { netns: 'ns', tap: 'tap', mtu: 1450 }, ready }), detach: async () => void told.push('detached'), portOf: () => ({ uid: 'p', address: '10.0.0.5', prefixLength: 24, mac: '02:00:00:00:00:05', runAsUid: 7 }) },
      { hostNameservers: ['192.0.2.53'], attached: ({ namespace }) => void told.push(`resolver in ${namespace}`), detached: async () => void told.push('no resolver') },
      (networkId, addresses, isBack) => {
        told.push(`lost ${networkId} ${addresses.join()}`)
        isBackAt = isBack
      },
    )
    const { uid, tenantId, network, size } = testAssignment()
    const pod = { uid, tenantId, size, vmUid: 7, network: { ...network, domain: 'cluster.local' } }
    expect(await port.attach(pod, new AbortController().signal)).toMatchObject({ dns: ['10.0.0.1'], hostDns: ['192.0.2.53'], domain: 'cluster.local' })
    expect(told).toEqual([])
    stands()
    await ready
    await vi.waitFor(() => expect(told).toEqual(['resolver in ns']), { timeout: 20_000 })
    await port.detach(pod)
    // Balancers hear of it first: its machine is gone.
    expect(told).toEqual(['resolver in ns', `lost ${network.id} 10.0.0.5`, 'detached', 'no resolver'])
    expect(isBackAt('10.0.0.5')).toBe(false)
    // A network without a domain has none.
    await port.attach({ ...pod, network: { ...network, domain: null } }, new AbortController().signal)
    await new Promise(setImmediate)
    expect(told).toHaveLength(4)
    // From then on it is the next one's.
    expect(isBackAt('10.0.0.5')).toBe(true)
  })
})
