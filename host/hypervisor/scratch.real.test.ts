import { mkdtemp, open, rm, stat } from 'node:fs/promises'
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
