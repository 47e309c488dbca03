import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1'
import { NetworkObjects } from './network-objects'

let folder: string
const log = { warn: vi.fn(), error: vi.fn() }
const open = () => NetworkObjects.open(folder, log)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'network-objects-'))
  log.warn.mockClear()
  log.error.mockClear()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const networkId = randomUUID()
const network: NetworkObject = { kind: 'network', number: 5, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] } }
const pod = (name: string): NetworkObject => ({ kind: 'pod', uid: randomUUID(), namespace: 'default', name, hostname: name, subdomain: null, hostId: null, addresses: ['10.0.0.5'] })
const message = (set: NetworkObject[], rest: Partial<NetworkMessage> = {}): NetworkMessage => ({ kind: 'networkObjects', networkId, complete: false, set, remove: [], ...rest })

describe('what a host keeps of its networks', () => {
  it('is the first complete message with what changed since, also for the next agent, and without a secret to hide', async () => {
    const [one, two] = [pod('one'), pod('two')]
    const kept = await open()
    expect(kept.take(message([network, one], { complete: true }))).toEqual([network, one])
    expect(kept.take(message([two], { remove: [`pod/${one.kind === 'pod' ? one.uid : ''}`] }))).toEqual([network, two])
    await kept.close()
    expect((await open()).complete()).toEqual([message([network, two], { complete: true })])
    expect((await stat(join(folder, `${networkId}.json`))).mode & 0o777).toBe(0o600)
    // A complete message leaves nothing of the time before.
    expect((await open()).take(message([network], { complete: true }))).toEqual([network])
  })

  it('goes with the network, but not between what was told of it and the desired set that names it', async () => {
    const kept = await open()
    kept.take(message([network], { complete: true }))
    expect(kept.keep(new Set())).toEqual([])
    expect(kept.keep(new Set([networkId]))).toEqual([])
    expect(kept.keep(new Set())).toEqual([networkId])
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]))
    // And it may come again at once.
    kept.take(message([network], { complete: true }))
    await kept.close()
    expect((await open()).of(networkId)).toEqual([network])
  })

  it('is left out where it cannot be read, and a write that broke off leaves nothing', async () => {
    const broken = randomUUID()
    await writeFile(join(folder, `${broken}.json`), '{"version":1,"objects":[{"kind":"nonsense"}]}')
    await mkdir(join(folder, `${randomUUID()}.json`))
    await writeFile(join(folder, `${broken}.json.0badcafe.tmp`), '')
    expect((await open()).complete()).toEqual([])
    expect(log.warn).toHaveBeenCalledTimes(2)
    expect(await readdir(folder)).toEqual([])
  })

  it('is tried again when it could not be written', async () => {
    const kept = await open()
    await rm(folder, { recursive: true })
    kept.take(message([network], { complete: true }))
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), { timeout: 5_000 })
    await mkdir(folder)
    await kept.close()
    expect(await readFile(join(folder, `${networkId}.json`), 'utf8')).toContain('10.96.0.0/16')
  })

  it('is bounded, and never without the network itself', async () => {
    const kept = await open()
    const many = Array.from({ length: 20_000 }, (_, i) => pod(`p${i}`))
    for (let i = 0; i < 3; i += 1) kept.take(message(many.map((one) => (one.kind === 'pod' ? { ...one, uid: randomUUID() } : one))))
    const all = kept.take(message([network]))
    expect(all).toHaveLength(50_001)
    expect(all).toContainEqual(network)
  })
})
