import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainNoFit, place } from './cycle'
import { reserve, type Demand, type HostState } from './snapshot'
import { explainVolumes, type HostStore, type VolumeDemand } from './volumes'

const gib = 2 ** 30
const on = (...hostIds: string[]) => hostIds.map((hostId, i) => ({ hostId, volume: `v${i}` }))
const stores = (freeBytes: number | null, reachable = true): ReadonlyMap<string, HostStore> => new Map([['s', { reachable, freeBytes }]])
const host = (name: string, over: Partial<HostState> = {}): HostState => ({ id: name, name, ready: true, unschedulable: false, accelerator: 'tcg', cpus: 4, totalMemoryMiB: 8192, freeMemoryMiB: 8192, freeMilliCpu: 4000, pods: 0, ...over })
const demand = (volumes?: Partial<VolumeDemand>): Demand => ({ memoryMiB: 224, milliCpu: 100, vcpus: 1, ...(volumes ? { volumes: { problem: null, homes: [], stores: [], ...volumes } } : {}) })
const placed = (hosts: HostState[], asked: Demand) => {
  const placement = place(hosts, asked)
  return 'host' in placement ? placement.host.name : Object.fromEntries(placement.reasons)
}

describe('a pod with volumes', () => {
  it('is placed where its volumes lie, and nowhere else', () => {
    const hosts = [host('a', { stores: stores(gib) }), host('b', { stores: stores(gib) })]
    expect(placed(hosts, demand({ homes: on('b', 'b'), stores: [{ storeId: 's', newBytes: 0 }] }))).toBe('b')
    expect(placed(hosts, demand({ homes: on('a', 'b') }))).toEqual({ 'without all of its volumes, which lie on disks of several hosts': 2 })
    expect(placed(hosts, demand({ homes: on('c') }))).toEqual({ 'without its volume, which lies on the disk of another host': 2 })
    expect(placed([host('a'), host('b')], demand())).toBe('a')
  })
  it('is placed where the store is reached and has room for what is made with it', () => {
    const hosts = [host('a', { stores: stores(gib) }), host('b', { stores: stores(4 * gib) }), host('c', { stores: stores(null) }), host('d', { stores: stores(9 * gib, false) }), host('e')]
    expect(placed(hosts, demand({ stores: [{ storeId: 's', newBytes: 2 * gib }] }))).toBe('b')
    expect(placed(hosts, demand({ stores: [{ storeId: 's', newBytes: 5 * gib }] }))).toEqual({ 'too little room in the store of its volumes': 3, 'not reaching the store of its volumes': 2 })
    expect(placed(hosts.slice(2, 3), demand({ stores: [{ storeId: 's', newBytes: 0 }] }))).toBe('c')
  })
  it('waits for a volume that is not there, and says for which, and what helps', () => {
    const asked = demand({ problem: 'Claim "data" has no volume yet.' })
    const placement = place([host('a')], asked)
    if ('host' in placement) throw new Error('placed')
    expect(explainNoFit(placement.reasons, placement.hosts, asked, 'Claim "data" has no volume yet.')).toBe('Claim "data" has no volume yet. It is tried again by itself.')
    const explained = (over: Partial<VolumeDemand>) => explainVolumes({ problem: null, homes: [], stores: [], ...over }, (id) => `host-${id}`)
    expect(explained({ problem: 'Claim "data" has no volume yet.' })).toBe('Claim "data" has no volume yet.')
    expect(explained({ homes: on('a', 'b', 'a') })).toBe('Its volumes lie on disks of several hosts ("v0" on host "host-a", "v1" on host "host-b", "v2" on host "host-a"): clone some of them, so that all are on one host or in a store that all hosts see.')
    expect(explained({ homes: on('a') })).toBe('Its volume "v0" lies on the disk of host "host-a", and the pod can run on no other.')
    expect(explained({})).toBe('')
  })
  it('never gets room that another pod of the same cycle was promised', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 3 * gib }), { maxLength: 30 }), (sizes) => {
      let hosts = [host('a', { stores: stores(10 * gib) }), host('b', { stores: stores(2 * gib) })]
      for (const newBytes of sizes) {
        const asked = demand({ stores: [{ storeId: 's', newBytes }] })
        const placement = place(hosts, asked)
        if ('host' in placement) hosts = hosts.map((one) => (one.id === placement.host.id ? reserve(one, asked) : one))
      }
      for (const one of hosts) expect(one.stores?.get('s')?.freeBytes).toBeGreaterThanOrEqual(0)
    }))
  })
})
