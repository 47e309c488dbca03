import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NetworkMessage } from '@/contracts/host/v1'
import { NetworkObjects } from '@/host/ledger/network-objects'
import { networkPort } from './adapters/network'
import { Networks } from './networks'
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
      network: { applyObjects: async (id) => void told.push(`rules ${id}`), forgetObjects: (id) => void told.push(`no rules ${id}`) },
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
    const networks = new Networks({ kept: await NetworkObjects.open(folder, log), network: { applyObjects: () => Promise.reject(new Error('nft')), forgetObjects: () => {} }, resolvers: { know, forget: () => {} }, log })
    networks.take(message(randomUUID()))
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled())
    expect(know).toHaveBeenCalled()
  })
})

describe('a pod\'s place in its network', () => {
  it('brings the resolver along once it stands, does not wait for it, and takes it away with the pod', async () => {
    const told: string[] = []
    let stands = () => {}
    const ready = new Promise<void>((resolve) => (stands = resolve))
    const port = networkPort(
      { beginAttach: async () => ({ port: { netns: 'ns', tap: 'tap', mtu: 1450 }, ready }), detach: async () => void told.push('detached') },
      { hostNameservers: ['192.0.2.53'], attached: ({ namespace }) => void told.push(`resolver in ${namespace}`), detached: async () => void told.push('no resolver') },
    )
    const { uid, tenantId, network, size } = testAssignment()
    const pod = { uid, tenantId, size, vmUid: 7, network: { ...network, domain: 'cluster.local' } }
    expect(await port.attach(pod, new AbortController().signal)).toMatchObject({ dns: ['10.0.0.1'], hostDns: ['192.0.2.53'], domain: 'cluster.local' })
    expect(told).toEqual([])
    stands()
    await ready
    await vi.waitFor(() => expect(told).toEqual(['resolver in ns']))
    await port.detach(pod)
    expect(told).toEqual(['resolver in ns', 'detached', 'no resolver'])
    // A network without a domain has none.
    await port.attach({ ...pod, network: { ...network, domain: null } }, new AbortController().signal)
    await new Promise(setImmediate)
    expect(told).toHaveLength(3)
  })
})
