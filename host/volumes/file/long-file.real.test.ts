import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { fileBytesOf } from '@/host/hypervisor/file-size-limit'
import { run } from '@/platform/exec'
import { openFileStore } from '../testing/file-store'
import { layersNode } from '../testing/qemu-io'
import { MiB, never } from '../testing/store-under-test'

const sizeBytes = 256 * MiB
const cluster = 64 * 1024
const clusters = sizeBytes / cluster

it('a volume whose file discards have left in pieces, and so longer than all that it holds, is written, grown and merged as any other', async () => {
  const { store, open, close } = await openFileStore()
  const uid = randomUUID()
  const top = async () => {
    const image = await store().image(uid, 'write', 1)
    if (image.kind !== 'layers') throw new Error('no layers')
    return { image, size: (await stat(image.layers[0]?.path ?? '')).size }
  }
  /** From there on. Clusters lie in the file as they were written first; those of a half that is discarded have no room for a longer write. Tells where the second half begins. */
  const fill = async (from: number, first: number, second: number): Promise<number> => {
    const half = from + (sizeBytes - from) / 2
    const scattered = Array.from({ length: clusters }, (_, i) => ((i * 769) % clusters) * cluster).filter((at) => at >= from)
    const again = Array.from({ length: (half - from) / MiB }, (_, i) => from + i * MiB)
    const lines = [...scattered.map((at) => `write -q -P ${first} ${at} ${cluster}`), `discard -q ${from} ${half - from}`, ...again.map((at) => `write -q -P ${second} ${at} ${MiB}`), '']
    await run('qemu-io', ['-d', 'unmap', '-t', 'unsafe', layersNode((await top()).image).node], { input: lines.join('\n'), timeoutMs: 60_000 })
    return half
  }
  try {
    await store().create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {}, never)
    await store().claim(uid, 1, null)
    await fill(0, 1, 2)
    const { size } = await top()
    expect(size).toBeGreaterThan(1.4 * sizeBytes)
    expect(size).toBeLessThan(fileBytesOf(sizeBytes) / 2)
    await store().grow(uid, 4 * sizeBytes)
    const [one, two, from] = [randomUUID(), randomUUID(), 64 * MiB]
    await store().prepareSnapshot(uid, one)
    await store().commitSnapshot(uid, one)
    const half = await fill(from, 3, 4)
    await store().prepareSnapshot(uid, two)
    await store().commitSnapshot(uid, two)
    for (const snapshot of [one, two]) await store().removeSnapshot(snapshot)
    await store().tidy?.(uid, () => {}, never)
    const { image } = await top()
    expect(image.kind === 'layers' && image.layers.length).toBe(2)
    const opened = await open(image)
    await opened.read(2, 0, from)
    await opened.read(4, from, half - from)
    await opened.read(3, half, sizeBytes - half)
    await opened.read(0, sizeBytes, 3 * sizeBytes)
    await opened.close()
  } finally {
    await close()
  }
})
