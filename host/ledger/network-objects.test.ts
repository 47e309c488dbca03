import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
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

const written = () => readFile(join(folder, `${networkId}.json`), 'utf8')

describe('what a host keeps of its networks', () => {
  it('is what was said last, also for the next agent, and without a secret to hide', async () => {
    const [one, two] = [pod('one'), pod('two')]
    const kept = await open()
    await kept.put(networkId, [network, one], false)
    await kept.put(networkId, [network, two], false)
    expect(kept.of(networkId)).toEqual([network, two])
    await kept.close()
    expect((await open()).complete()).toEqual([message([network, two], { complete: true })])
    expect((await stat(join(folder, `${networkId}.json`))).mode & 0o777).toBe(0o600)
  })

  it('goes with the network, but not between what was told of it and the desired set that names it', async () => {
    const kept = await open()
    await kept.put(networkId, [network], false)
    expect(kept.keep(new Set())).toEqual([])
    expect(kept.keep(new Set([networkId]))).toEqual([])
    expect(kept.keep(new Set())).toEqual([networkId])
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]), { timeout: 20_000 })
    // And it may come again at once.
    await kept.put(networkId, [network], false)
    await kept.close()
    expect((await open()).of(networkId)).toEqual([network])
  })

  it('is lost where it cannot be read, for every further agent too, until it is said again; a write that broke off leaves nothing', async () => {
    const [broken, cut, folderOfThatName] = [networkId, randomUUID(), randomUUID()]
    await writeFile(join(folder, `${broken}.json`), '{"version":2,"objects":1}\n{"kind":"nonsense"}\n')
    await writeFile(join(folder, `${cut}.json`), `{"version":2,"objects":2}\n${JSON.stringify(network)}\n`)
    await mkdir(join(folder, `${folderOfThatName}.json`))
    await writeFile(join(folder, `${broken}.json.0badcafe.tmp`), '')
    expect((await open()).lost().sort()).toEqual([broken, cut, folderOfThatName].sort())
    expect(log.warn).toHaveBeenCalledTimes(3)
    const next = await open()
    expect(next.complete()).toEqual([])
    expect(next.lost()).toHaveLength(3)
    expect(await readdir(folder)).toHaveLength(3)
    await next.put(broken, [network], true)
    await next.put(folderOfThatName, [network], true)
    expect(next.keep(new Set([broken]))).toEqual([cut])
    await next.close()
    expect((await open()).complete().map((one) => one.networkId).sort()).toEqual([broken, folderOfThatName].sort())
  })

  it('is tried again when it could not be written', async () => {
    const kept = await open()
    await rm(folder, { recursive: true })
    await kept.put(networkId, [network], false)
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), { timeout: 5_000 })
    await mkdir(folder)
    await kept.close()
    expect(await written()).toContain('10.96.0.0/16')
  })

  it('is on disk before anybody goes on, where it restricts', async () => {
    const kept = await open()
    await kept.put(networkId, [network], false)
    await kept.put(networkId, [network, pod('one')], true)
    expect((await open()).of(networkId)).toHaveLength(2)
    await kept.lose(networkId)
    expect((await open()).lost()).toEqual([networkId])
    await kept.close()
  })

  it('is bounded by nobody here: what was taken is kept, however large', async () => {
    const kept = await open()
    const members = Array.from({ length: 90_000 }, (_, i) => `fd00:1111:2222:3333:4444:5555:${(i >> 8).toString(16)}:${(i & 255).toString(16)}`)
    const policy = (): NetworkObject => ({ kind: 'policy', uid: randomUUID(), source: 'SecurityGroup', namespace: null, name: 'web', members, directions: ['ingress'], rules: [] })
    const all = [network, ...Array.from({ length: 20 }, policy)]
    await kept.put(networkId, all, true)
    expect((await stat(join(folder, `${networkId}.json`))).size).toBeGreaterThan(64 << 20)
    expect((await open()).of(networkId)).toEqual(all)
    await kept.close()
  })
})
