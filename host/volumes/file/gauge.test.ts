import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RoomGauge, type Room } from '../room'
import { FileStore } from './file-store'
import { gaugeOf } from './gauge'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauge-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true, force: true })
})

it('says of a folder the same, whether a program or this process asks', async () => {
  const [own, shared] = await Promise.all([gaugeOf(folder, 'own', false).read(), gaugeOf(folder, 'shared', true).read()])
  expect([shared.totalBytes, shared.freeBytes > 0]).toEqual([own.totalBytes, true])
  await expect(gaugeOf(join(folder, 'none'), 'none', true).read()).rejects.toMatchObject({ code: 'Unreachable' })
})

it.each([true, false])('of a folder that hangs lets nobody in, and everybody once it answers (shared: %s)', async (shared) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const room: Room = { totalBytes: 2, freeBytes: 1 }
  let answer: (room: Room) => void = () => {}
  const ask = vi.fn(() => Promise.resolve(room))
  const store = await FileStore.open(folder, { name: 'away', shared, gauge: new RoomGauge('away', ask) })
  ask.mockImplementation(() => new Promise((resolve) => (answer = resolve)))
  await vi.advanceTimersByTimeAsync(2_000)
  const probes = Promise.allSettled(Array.from({ length: 10 }, () => store.probe()))
  await vi.advanceTimersByTimeAsync(5_000)
  await probes
  const uid = randomUUID()
  for (const call of [store.describe(uid), store.release(uid, 1), store.list(), store.probe()]) await expect(call).rejects.toMatchObject({ code: 'Unreachable', message: expect.stringContaining('does not answer') as string })
  expect(ask).toHaveBeenCalledTimes(2)
  answer(room)
  await vi.advanceTimersByTimeAsync(0)
  ask.mockResolvedValue(room)
  expect(await store.describe(uid)).toBeNull()
  await store.close()
})
