import { expect, it } from 'vitest'
import type { DiskCounters } from '@/host/hypervisor/disk-counters'
import { VolumeCounters } from './counters'
import { serialOf } from './open-image'

const counters: DiskCounters = { readBytes: 1, writtenBytes: 2, readOperations: 3, writeOperations: 4, readMicroseconds: 5, writeMicroseconds: 6 }
type Parts = ConstructorParameters<typeof VolumeCounters>
type Vm = NonNullable<ReturnType<Parts[0]['get']>>
/** Enough of a VM and of a volume to be counted. */
const vmOf = (answer: () => Promise<ReadonlyMap<string, DiskCounters>>) => ({ disks: { counters: answer } }) as unknown as Vm
const volumeOf = (uid: string, holds: Record<string, string>) => ({ uid, state: { holds: new Map(Object.entries(holds).map(([pod, state]) => [pod, { state, pluggedAt: pod === 'a' ? performance.now() - 5_000 : null }])) }, report: () => ({ storedBytes: 9 }) }) as unknown as Parts[1] extends () => Iterable<infer V> ? V : never

it('reads of each pod what its mounted volumes did, and asks a VM once for all of them', async () => {
  let asked = 0
  const vm = vmOf(async () => {
    asked += 1
    return new Map([[serialOf('11111111-1111-4111-8111-111111111111'), counters], [serialOf('22222222-2222-4222-8222-222222222222'), counters]])
  })
  const volumes = [volumeOf('11111111-1111-4111-8111-111111111111', { a: 'mounted' }), volumeOf('22222222-2222-4222-8222-222222222222', { a: 'mounted', gone: 'mounted' }), volumeOf('33333333-3333-4333-8333-333333333333', { a: 'open' })]
  const read = await new VolumeCounters({ get: (pod) => (pod === 'a' ? vm : null) }, () => volumes).read()
  expect(read.map(({ volumeUid, podUid, storedBytes }) => [volumeUid[0], podUid, storedBytes])).toEqual([['1', 'a', 9], ['2', 'a', 9]])
  expect(read.every(({ pluggedMs }) => pluggedMs !== null && pluggedMs >= 5_000)).toBe(true)
  expect(asked).toBe(1)
  const [found] = await new VolumeCounters({ get: () => vm }, () => [volumeOf('11111111-1111-4111-8111-111111111111', { found: 'mounted' })]).read()
  expect(found).toMatchObject({ podUid: 'found', pluggedMs: null })
})

it('leaves out a VM that does not answer, and does not ask it again before it has', async () => {
  let asked = 0
  let answer: (counted: ReadonlyMap<string, DiskCounters>) => void = () => {}
  const vm = vmOf(() => {
    asked += 1
    return new Promise((resolve) => (answer = resolve))
  })
  const reader = new VolumeCounters({ get: () => vm }, () => [volumeOf('11111111-1111-4111-8111-111111111111', { a: 'mounted' })])
  expect(await reader.read()).toEqual([])
  expect(await reader.read()).toEqual([])
  expect(asked).toBe(1)
  answer(new Map())
  await expect.poll(async () => {
    void reader.read()
    return asked
  }, { timeout: 20_000 }).toBe(2)
})
