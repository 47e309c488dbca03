import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainNoFit, place } from './cycle'
import { reserve, type HostState } from './snapshot'

const host = (name: string, over: Partial<HostState> = {}): HostState => ({ id: name, name, ready: true, unschedulable: false, accelerator: 'tcg', cpus: 4, totalMemoryMiB: 8192, freeMemoryMiB: 8192, freeMilliCpu: 4000, pods: 0, ...over })
const demand = { memoryMiB: 224, milliCpu: 100, vcpus: 1 }

describe('placing a pod', () => {
  it('counts each host under the first filter that refused it', () => {
    const hosts = [host('a', { ready: false }), host('b', { freeMemoryMiB: 100 }), host('c', { freeMemoryMiB: 223 }), host('d', { unschedulable: true }), host('e', { freeMilliCpu: 0 }), host('f', { accelerator: null })]
    const placement = place(hosts, demand)
    if ('host' in placement) throw new Error('placed')
    expect(Object.fromEntries(placement.reasons)).toEqual({ 'not ready': 1, 'too little free memory': 2, cordoned: 1, 'too little free CPU': 1, 'no accelerator probed': 1 })
    expect(explainNoFit(placement.reasons, placement.hosts, demand)).toMatch(/^0 of 6 hosts fit: 2 too little free memory, 1 cordoned, 1 no accelerator probed/)
  })
  it('advises a smaller pod only where a host lacks room', () => {
    expect(explainNoFit(new Map([['too little free CPU', 1], ['not ready', 2]]), 3, demand)).toContain('Lower its limits')
    expect(explainNoFit(new Map([['not ready', 1]]), 1, demand, 'Its volume "data" lies on the disk of host "a", and the pod can run on no other.')).toBe('0 of 1 hosts fit: 1 not ready. Its volume "data" lies on the disk of host "a", and the pod can run on no other. It is tried again by itself, as soon as that changes.')
    expect(explainNoFit(new Map([['cordoned', 1]]), 1, demand)).toBe('0 of 1 hosts fit: 1 cordoned. It is tried again by itself, as soon as that changes.')
  })
  it('does not advise it for a full store, nor for room on a host that has not the pod’s volume', () => {
    expect(explainNoFit(new Map([['too little room in the store of its volumes', 1]]), 1, demand)).toBe('0 of 1 hosts fit: 1 too little room in the store of its volumes. Delete volumes or snapshots that are in that store, ask for smaller ones, or have an operator give it room. It is tried again by itself, as soon as that changes.')
    const placement = place([host('a', { ready: false }), host('b', { freeMemoryMiB: 1 })], { ...demand, volumes: { problem: null, homes: [{ hostId: 'a', volume: 'data' }], stores: [] } })
    if ('host' in placement) throw new Error('placed')
    expect(explainNoFit(placement.reasons, placement.hosts, demand)).not.toContain('Lower its limits')
  })
  it('says what to do where there is no host', () => expect(explainNoFit(new Map(), 0, demand)).toContain('No host is registered'))
  it('spreads, and decides ties by name', () => {
    expect(place([host('b'), host('a'), host('c', { freeMemoryMiB: 1000 })], demand)).toMatchObject({ host: { name: 'a' } })
  })
  it('never promises memory or CPU twice, whatever comes', () => {
    const demands = fc.array(fc.record({ memoryMiB: fc.integer({ min: 64, max: 4096 }), milliCpu: fc.integer({ min: 1, max: 4000 }), vcpus: fc.integer({ min: 1, max: 8 }) }), { maxLength: 60 })
    fc.assert(
      fc.property(demands, fc.integer({ min: 0, max: 4 }), (pods, count) => {
        let hosts = Array.from({ length: count }, (_, i) => host(`h${i}`))
        for (const pod of pods) {
          const placement = place(hosts, pod)
          if ('host' in placement) hosts = hosts.map((h) => (h.id === placement.host.id ? reserve(h, pod) : h))
          else expect([...placement.reasons.values()].reduce((a, b) => a + b, 0)).toBe(count)
        }
        for (const h of hosts) expect(h.freeMemoryMiB >= 0 && h.freeMilliCpu >= 0).toBe(true)
      }),
    )
  })
})
