import { rmSync, symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { MiB, never, refuses } from '../testing/store-under-test'
import { importArchive } from './import'
import type { RbdPlace } from './rbd-place'

it('imports nothing that a jail which was broken into has put in the place of its file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'import-'))
  try {
    const [archive, secret, work, uid] = [join(folder, 'archive'), join(folder, 'secret'), join(folder, 'work'), 'aaaaaaaa-0000-4000-8000-000000000000']
    await Promise.all([writeFile(archive, Buffer.alloc(MiB, 1)), writeFile(secret, Buffer.alloc(MiB, 2)), mkdir(work)])
    const imported: string[] = []
    const place = { importImage: (file: string) => Promise.resolve(void imported.push(file)) } as Partial<RbdPlace> as RbdPlace
    let swapped = false
    // qemu-img is through, and root has not read what it left yet.
    const swap = (part: number): void => {
      if (part < 0.5 || swapped) return
      swapped = true
      const raw = join(work, uid, 'raw')
      rmSync(raw)
      symlinkSync(secret, raw)
    }
    const target = { uid, sizeBytes: MiB, image: 'making', work, free: () => Promise.resolve(2 ** 40) }
    await refuses('Refused', importArchive(place, target, { path: archive, format: 'raw' }, swap, never))
    expect([swapped, imported, await readdir(work)]).toEqual([true, [], []])
    await importArchive(place, target, { path: archive, format: 'raw' }, () => {}, never)
    expect([imported.length, await readdir(work)]).toEqual([1, []])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
