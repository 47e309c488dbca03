import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '@/platform/exec'
import { ScratchDisks } from './scratch'

test('scratch disks are empty ext4 files of their full size, next to nothing on disk, and independent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'scratch-'))
  try {
    const size = 10 * 2 ** 30
    const disks = new ScratchDisks(join(folder, 'prepared'), size)
    const [a, b] = [join(folder, 'a'), join(folder, 'b')]
    await Promise.all([disks.create(a), disks.create(b)])
    const file = await open(a, 'r+')
    await file.write(Buffer.alloc(4096, 'x'), 0, 4096, 2048 * 1024)
    await file.close()
    await disks.create(join(folder, 'c'))
    for (const path of [b, join(folder, 'c')]) {
      const { size: bytes, blocks } = await stat(path)
      expect(bytes).toBe(size)
      expect(blocks * 512).toBeLessThan(8 << 20)
      await run('e2fsck', ['-fn', path])
    }
    const { stdout } = await run('dumpe2fs', [b])
    expect(stdout).not.toContain('has_journal')
    // Nothing is left for the guest to zero in the background.
    expect(stdout.match(/^Group \d+:.*$/gm)?.every((line) => line.includes('ITABLE_ZEROED'))).toBe(true)
    expect(await new ScratchDisks(join(folder, 'prepared'), size).create(join(folder, 'd'))).toBeUndefined()
    for (const own of [64 * 2 ** 20, 2 ** 40]) {
      await disks.create(join(folder, 'own'), own)
      const { size: bytes, blocks } = await stat(join(folder, 'own'))
      expect(bytes).toBe(own)
      expect(blocks * 512).toBeLessThan(32 << 20)
      await run('e2fsck', ['-fn', join(folder, 'own')])
    }
    // More sizes than are kept in memory, and back to the first.
    for (const mib of [...Array.from({ length: 10 }, (_, i) => 32 + i), 32]) {
      await disks.create(join(folder, 'own'), mib * 2 ** 20)
      expect((await stat(join(folder, 'own'))).size).toBe(mib * 2 ** 20)
      await run('e2fsck', ['-fn', join(folder, 'own')])
    }
    for (const wrong of [0, -1, 2 ** 40 + 1, Number.NaN]) await expect(disks.create(join(folder, 'own'), wrong)).rejects.toThrow('is not within')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('of prepared sizes those used last are kept, with the default one; none is taken from a start that copies it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'scratch-'))
  try {
    const [prepared, MiB] = [join(folder, 'prepared'), 2 ** 20]
    const disks = new ScratchDisks(prepared, 64 * MiB)
    const kept = async () => (await readdir(prepared)).sort()
    const names = (sizes: readonly number[]) => sizes.map((mib) => `empty-${mib * MiB}.ext4`).sort()
    await disks.prepare()
    for (const mib of [32, 33, 34, 35, 36, 37, 38, 39, 32, 40]) await disks.create(join(folder, 'one'), mib * MiB)
    await expect.poll(kept).toEqual(names([64, 34, 35, 36, 37, 38, 39, 32, 40]))
    // More sizes at once than are kept, each twice, and again: also such as are too large to be kept in memory, whose files are read.
    const sizes = [...Array.from({ length: 20 }, (_, i) => 41 + i), ...Array.from({ length: 10 }, (_, i) => (i + 100) * 1024)]
    for (const turn of [0, 1]) {
      await Promise.all([...sizes, ...sizes].map(async (mib, i) => {
        await disks.create(join(folder, `${i}`), mib * MiB)
        expect((await stat(join(folder, `${i}`))).size).toBe(mib * MiB)
      }))
      for (const i of [turn, sizes.length - 1 - turn]) await run('e2fsck', ['-fn', join(folder, `${i}`)])
    }
    await expect.poll(async () => (await kept()).length).toBe(9)
    expect(await kept()).toContain(`empty-${64 * MiB}.ext4`)
    // The next agent begins with the default one, and leaves alone what is none of these.
    for (const name of [`empty-${70 * MiB}.ext4.draft`, 'other']) await writeFile(join(prepared, name), '')
    const next = new ScratchDisks(prepared, 64 * MiB)
    await next.prepare()
    expect(await kept()).toEqual([...names([64]), 'other'])
    await next.create(join(folder, 'one'), 41 * MiB)
    await run('e2fsck', ['-fn', join(folder, 'one')])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
