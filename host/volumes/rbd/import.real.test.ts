import { mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { giveToJails } from '../tools/archive'
import { jailedQemuImg, withJob, WroteTooMuch } from '../tools/jailed-qemu-img'
import { importArchive } from './import'
import type { RbdPlace } from './rbd-place'

const MiB = 2 ** 20
const never = new AbortController().signal
let folder: string
let archive: { path: string; format: 'qcow2' }
const size = 192 * MiB

/** An archive of some hundred KiB with an image of bytes that are none of them zero. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-'))
  const raw = join(folder, 'raw')
  archive = { path: join(folder, 'bomb.qcow2'), format: 'qcow2' }
  await run('qemu-img', ['create', '-q', '-f', 'raw', raw, String(size)])
  await run('qemu-io', ['-f', 'raw', '-c', `write -q -P 90 0 ${size}`, raw])
  await run('qemu-img', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', raw, archive.path])
  await rm(raw)
  await mkdir(join(folder, 'work'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', join(folder, 'work')])
})
afterAll(async () => {
  await run('umount', [join(folder, 'work')]).catch(() => {})
  await rm(folder, { recursive: true, force: true })
})

it.each([['the store', 16 * MiB], ['the host', 2 ** 50]])('unpacks no more than %s has room for, and leaves nothing of it', async (_whose, free) => {
  const work = join(folder, 'work')
  const place = { importImage: () => Promise.reject(new Error('it was imported')) } as Partial<RbdPlace> as RbdPlace
  const uid = 'aaaaaaaa-0000-4000-8000-000000000000'
  await expect(importArchive(place, { uid, sizeBytes: size, image: 'making', work, free: () => Promise.resolve(free) }, archive, () => {}, never)).rejects.toMatchObject({ code: 'NoSpace', object: uid })
  expect(await readdir(work)).toEqual([])
  // A jail that was killed lets go of its file soon after.
  await expect.poll(async () => statfs(work).then(({ bavail, blocks }) => blocks - bavail)).toBe(0)
})

it('ends a jail that takes more of the disk than it may, long before it is through', async () => {
  await giveToJails(archive.path)
  await withJob(join(folder, 'job'), async (job) => {
    // Twelve seconds of writing.
    const work = jailedQemuImg(['convert', '-r', '16M', '-f', 'qcow2', '-O', 'raw', '/0', job.place('raw')], { readOnly: [archive.path], job, maxBytes: size, maxStored: 8 * MiB })
    await expect(work).rejects.toBeInstanceOf(WroteTooMuch)
  })
})
