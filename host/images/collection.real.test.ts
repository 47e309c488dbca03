import { randomBytes } from 'node:crypto'
import { chmod, open as openFile, readFile, stat, utimes } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRegistry, type TestRegistry } from './testing/registry'
import { cat, failure, storeFixture } from './testing/store-fixture'

let registry: TestRegistry
const bytes = 300_000
beforeAll(async () => {
  registry = await startRegistry()
  for (const name of ['a', 'b', 'c', 'd']) await registry.push(`${name}:1`, { files: { name, filling: randomBytes(bytes) } })
})
afterAll(() => registry.stop())
const { open, leftovers } = storeFixture(() => registry.host)

describe('the store’s size', () => {
  it('is kept by removing what no pod uses, the least recently used first', async () => {
    const used = { names: [] as string[], digests: [] as string[] }
    const gone: string[] = []
    const store = await open({ maxCacheBytes: 3.5 * bytes, inUse: () => used, onRemoved: (digest) => gone.push(digest) })
    const [a, b, c] = [await store.ensure('a:1'), await store.ensure('b:1'), await store.ensure('c:1')]
    await store.ensure('a:1')
    used.names.push(store.nameOf('c:1'))
    const d = await store.ensure('d:1')
    expect(gone).toEqual([b.digest])
    await expect(stat(b.squashfs)).rejects.toThrow('ENOENT')
    expect(store.list().map(({ digest }) => digest).sort()).toEqual([a, c, d].map(({ digest }) => digest).sort())

    // What runs counts by its digest, whatever its reference means by now.
    used.digests.push(a.digest)
    used.names.push(store.nameOf('d:1'))
    const full = await failure(store, 'b:1')
    expect([full.code, full.action]).toEqual(['disk-full', expect.stringContaining('HYPERNETES_IMAGE_CACHE_GIB')])
    expect(store.list()).toHaveLength(3)
    used.digests.pop()
    await store.ensure('b:1')
    expect(gone).toEqual([b.digest, a.digest])
    expect(await leftovers()).toEqual([])
  })

  it('is not worth removing anything for what can never fit, and the order of use survives a restart', async () => {
    const store = await open({ maxCacheBytes: 2.5 * bytes })
    const [a, b] = [await store.ensure('a:1'), await store.ensure('b:1')]
    expect((await failure(await open({ maxCacheBytes: 0.5 * bytes }), 'd:1')).code).toBe('disk-full')
    expect(store.list()).toHaveLength(2)
    // A use is written down as the metadata's time.
    await utimes(b.squashfs.replace('.squashfs', '.json'), new Date(1000), new Date(1000))
    const again = await open({ maxCacheBytes: 2.5 * bytes })
    await again.ensure('c:1')
    expect(again.list().map(({ digest }) => digest)).toContain(a.digest)
    expect(again.list().map(({ digest }) => digest)).not.toContain(b.digest)
  })

  it('shrinks when the disk runs low, without a pull', async () => {
    let store = await open()
    await store.ensure('a:1')
    store = await open({ minFreeBytes: Number.MAX_SAFE_INTEGER, inUse: () => ({ names: [], digests: [] }) })
    expect(await store.collect()).toBe(1)
    expect(store.list()).toEqual([])
  })

  it('a pull ahead is never waited for by pods, and goes one at a time', async () => {
    const store = await open({ maxConcurrentPulls: 1, maxConcurrentResolves: 1 })
    const stop = new AbortController()
    const fetched: string[] = []
    const stuck = ['1', '2'].map((id) => {
      const fetch = (_: unknown, signal: AbortSignal) => new Promise<void>((__, reject) => {
        fetched.push(id)
        signal.addEventListener('abort', () => reject(new Error('aborted')))
      })
      return failure(store, `up:${id}`, { tenantId: 'ann', inBackground: true, signal: stop.signal, upload: { id, digest: 'sha256:0', bytes: 1, fetch } })
    })
    await expect.poll(() => fetched).toEqual(['1'])
    await store.ensure('a:1')
    expect(fetched).toEqual(['1'])
    stop.abort()
    for (const { code } of await Promise.all(stuck)) expect(code).toBe('cancelled')
    await expect.poll(leftovers).toEqual([])
  })
})

describe('a damaged image', () => {
  it('is found before it is used, removed, and pulled anew; where nothing may be pulled that is said', async () => {
    const gone: string[] = []
    const store = await open({ onRemoved: (digest) => gone.push(digest) })
    const image = await store.ensure('a:1')
    await damage(image.squashfs)
    const phases: string[] = []
    const again = await store.ensure('a:1', { onProgress: ({ phase }) => phases.push(phase) })
    expect(again).toEqual(image)
    expect(phases.filter((phase, i) => phases.indexOf(phase) === i)).toEqual(['damaged', 'resolving', 'pulling', 'merging', 'ready'])
    expect(gone).toEqual([image.digest])
    expect(await cat(again.squashfs, 'name')).toBe('a')
    await damage(image.squashfs)
    expect((await failure(store, 'a:1', { pullPolicy: 'Never' })).code).toBe('not-present')
    // Damage from before a restart is found too.
    await store.ensure('a:1')
    await damage(image.squashfs)
    expect(await cat((await (await open()).ensure('a:1')).squashfs, 'name')).toBe('a')
    expect(await leftovers()).toEqual([])
  })

  it('costs a start no reading: only a file that was touched is read again', async () => {
    const store = await open()
    await store.ensure('a:1')
    const read = await bytesRead()
    for (let i = 0; i < 20; i += 1) await store.ensure('a:1')
    expect((await bytesRead()) - read).toBeLessThan(bytes)
  })
})

/** Bytes that this process has asked the kernel for by reading (Linux: proc(5), /proc/pid/io). */
const bytesRead = async (): Promise<number> => Number(/rchar: (\d+)/.exec(await readFile('/proc/self/io', 'utf8'))?.[1])

/** Changes one byte in the middle, as a failing disk would; the length stays. */
async function damage(path: string): Promise<void> {
  await chmod(path, 0o644)
  const file = await openFile(path, 'r+')
  const { size } = await file.stat()
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, Math.floor(size / 2))
  await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, Math.floor(size / 2))
  await file.close()
}
