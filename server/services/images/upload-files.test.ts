import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { leastFree, receiveFile, removeStrayFiles } from './upload-files'

let data = ''
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'uploads-'))
})
afterEach(() => rm(data, { recursive: true }))
const kept = () => readdir(join(data, 'uploads'))

const gzip = (bytes: number): Buffer => {
  const archive = Buffer.alloc(bytes, 1)
  archive.writeUInt16BE(0x1f8b, 0)
  return archive
}
/** A body in pieces of a kilobyte. */
const body = (bytes: Buffer) => Readable.from(Array.from({ length: Math.ceil(bytes.length / 1024) }, (_, i) => bytes.subarray(1024 * i, 1024 * (i + 1))))

describe('an upload', () => {
  it('leaves 1 GiB of the disk free, or the part that its kind says, up to 20 GiB', () => {
    expect([[100, 0], [5, 0.1], [100, 0.1], [1000, 0.1]].map(([gib = 0, part = 0]) => leastFree(gib * 2 ** 30, part) / 2 ** 30)).toEqual([1, 1, 10, 20])
  })

  it('is kept under a name of our own, and told by its bytes', async () => {
    const { id, bytes, digest } = await receiveFile(data, body(gzip(5000)), 10_000)
    expect([bytes, digest]).toEqual([5000, expect.stringMatching(/^sha256:[0-9a-f]{64}$/)])
    expect(await kept()).toEqual([id])
    expect(await readFile(join(data, 'uploads', id))).toEqual(gzip(5000))
  })

  it('has a name that outlives a power cut before it is told', async () => {
    const probe = await open(data, 'r')
    const files = Object.getPrototypeOf(probe) as typeof probe
    await probe.close()
    const names: string[][] = []
    const sync = vi.spyOn(files, 'sync').mockImplementation(async function (this: typeof probe) {
      if ((await this.stat()).isDirectory()) names.push(await kept())
      await this.datasync()
    })
    const { id } = await receiveFile(data, body(gzip(5000)), 10_000)
    expect(names).toEqual([[id]])
    sync.mockRejectedValueOnce(new Error('the disk is gone'))
    await expect(receiveFile(data, body(gzip(5000)), 10_000)).rejects.toThrow('the disk is gone')
    sync.mockResolvedValueOnce().mockRejectedValueOnce(new Error('the disk is gone'))
    await expect(receiveFile(data, body(gzip(5000)), 10_000)).rejects.toThrow('the disk is gone')
    expect(await kept()).toEqual([id])
    sync.mockRestore()
  })

  it('leaves nothing when it is more than the tenant may have, no archive, or given up half way', async () => {
    await expect(receiveFile(data, body(gzip(50_000)), 10_000)).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('50 GiB') })
    await expect(receiveFile(data, body(Buffer.alloc(5000, 'x')), 10_000)).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(receiveFile(data, body(Buffer.alloc(3)), 10_000)).rejects.toMatchObject({ code: 'invalid_input' })
    const half = new PassThrough()
    half.write(gzip(2000))
    const received = receiveFile(data, half, 10_000)
    await expect.poll(() => kept().catch(() => [])).toHaveLength(1)
    half.destroy(new Error('gone'))
    await expect(received).rejects.toThrow('gone')
    expect(await kept()).toEqual([])
  })

  it('that drips gives up its place', async () => {
    let ms = 0
    // A kilobyte a second is what an idle time alone lets pass for ever.
    await expect(receiveFile(data, body(gzip(1 << 20)), 1 << 30, () => (ms += 1000))).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('8 KiB/s') })
    expect(await kept()).toEqual([])
    ms = 0
    await receiveFile(data, body(gzip(1 << 20)), 1 << 30, () => (ms += 10))
    expect(await kept()).toHaveLength(1)
  })

  it('of an earlier process, half sent or without a row, is removed at the start', async () => {
    const { id } = await receiveFile(data, body(gzip(2000)), 10_000)
    for (const name of ['half.part', 'unknown']) await writeFile(join(data, 'uploads', name), 'x')
    await removeStrayFiles(data, [id])
    expect(await kept()).toEqual([id])
  })
})
