import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { writeSquashfs, type TarSink } from './squashfs'
import { noXattrs } from './tar/header'
import { encodeEntry, tarEnd } from './tar/writer'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'squashfs-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** One file of bytes that nothing compresses. */
const fill = (bytes: number) => async (sink: TarSink) => {
  await sink.write(encodeEntry({ name: 'file', type: 'file', size: bytes, linkName: '', mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: noXattrs }))
  for (let i = 0; i < bytes; i += 1 << 20) await sink.write(randomBytes(1 << 20))
  await sink.write(tarEnd)
}

it('a squashfs has at most the bytes that are expected, and what is larger leaves nothing', async () => {
  const path = join(folder, 'image')
  await expect(writeSquashfs(path, 0o755, fill(8 << 20), { maxBytes: 4 << 20 })).rejects.toMatchObject({ code: 'internal' })
  expect(await readdir(folder)).toEqual([])
  await writeSquashfs(path, 0o755, fill(8 << 20), { maxBytes: 9 << 20 })
  expect((await stat(path)).size).toBeGreaterThan(8 << 20)
})

it('what writes more than the one file is ended', async () => {
  const path = join(folder, 'image')
  const hidden = async (sink: TarSink) => {
    await mkdir(join(`${path}.jail`, 'hidden'))
    for (let more = 0; more < 1000; more += 1) {
      await sink.write(Buffer.alloc(0))
      await delay(20)
    }
  }
  await expect(writeSquashfs(path, 0o755, hidden, { maxBytes: 1 << 20 })).rejects.toMatchObject({ code: 'internal' })
  expect(await readdir(folder)).toEqual([])
})
