import { describe, expect, it } from 'vitest'
import { podSpec } from '@/domain/pod/spec'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'
import { hasDiskLimits, overLimit } from './usage'

const mib = 2 ** 20
const limited = (name: string, limit?: string) => ({ name, image: 'one:1', ...(limit ? { resources: { limits: { 'ephemeral-storage': limit } } } : {}) })
const figures = (layers: Record<string, number>, volumes: Record<string, number> = {}) => ({
  vm: { memoryTotalBytes: 1, memoryAvailableBytes: 1, cpuMicroseconds: 1 },
  containers: Object.entries(layers).map(([container, layerBytes]) => ({ container, layerBytes, cpuMicroseconds: 0, memoryBytes: 0, processes: 1, oomKills: 0 })),
  volumes: Object.entries(volumes).map(([name, usedBytes]) => ({ name, usedBytes })),
})

describe('limits of disk', () => {
  const spec = podSpec.parse({ containers: [limited('a', '10Mi'), limited('b')], volumes: [{ name: 'v', emptyDir: { sizeLimit: '20Mi' } }, { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } }] })
  it('hold for each container and volume that has one', () => {
    expect(overLimit(spec, figures({ a: 10 * mib, b: 500 * mib }, { v: 20 * mib, m: 50 * mib }))).toBeNull()
    expect(overLimit(spec, figures({ a: 11 * mib }))).toBe('Container "a" wrote 11 MiB to disk, more than its limit of 10 MiB. Raise resources.limits.ephemeral-storage or write less, then re-create the pod.')
    expect(overLimit(spec, figures({ a: 0 }, { v: 21 * mib }))).toContain('Volume "v" took 21 MiB of disk, more than its sizeLimit of 20 MiB')
  })
  it('hold for the pod where every container has one', () => {
    const all = podSpec.parse({ containers: [limited('a', '10Mi'), limited('b', '10Mi')], volumes: [{ name: 'v', emptyDir: {} }] })
    expect(overLimit(all, figures({ a: 9 * mib, b: 9 * mib }, { v: 2 * mib }))).toBeNull()
    expect(overLimit(all, figures({ a: 9 * mib, b: 9 * mib }, { v: 3 * mib }))).toContain('took 21 MiB of disk together')
  })
  it('are measured only where there are any', () => {
    expect(hasDiskLimits(spec)).toBe(true)
    expect(hasDiskLimits(podSpec.parse({ containers: [limited('a')], volumes: [{ name: 'v', emptyDir: {} }, { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } }] }))).toBe(false)
  })
  it('end the pod for good with cause and next action', async () => {
    const host = new FakeHost()
    host.behaviour.set('a', { ignoresTerm: true })
    const { worker, eventsOf, status } = startWorker(host, testAssignment({ containers: [limited('a', '10Mi')], terminationGracePeriodSeconds: 600 }))
    await host.clock.advance(20_000)
    expect(worker.report().phase).toBe('Running')
    host.stats = figures({ a: 11 * mib })
    await host.clock.advance(12_000)
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: expect.stringContaining('Container "a" wrote 11 MiB') })
    expect(status('a')).toMatchObject({ reason: 'Evicted', exitCode: 137 })
    expect(eventsOf('Evicted')).toHaveLength(1)
    expect([host.machines.size, host.scratch.size]).toEqual([0, 0])
  })
  it('are not asked about of a pod without any', async () => {
    const host = new FakeHost()
    host.stats = figures({ a: 1e12 })
    const { worker } = startWorker(host, testAssignment({ containers: [limited('a')] }))
    await settle()
    expect(host.clock.nextIn).toBeNull()
    expect(worker.report().phase).toBe('Running')
  })
})
