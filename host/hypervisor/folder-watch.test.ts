import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FolderWatch } from './folder-watch'

test('errors are kept small, and a folder that is gone is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watch-'))
  const file = join(folder, 'qemu.stderr')
  let gone = 0
  const watch = new FolderWatch(file, () => (gone += 1))
  try {
    await writeFile(file, 'a word')
    await watch.check()
    expect((await stat(file)).size).toBe(6)
    await writeFile(file, 'x'.repeat(300 * 1024))
    await watch.check()
    expect((await stat(file)).size).toBe(0)
    expect(gone).toBe(0)
    await rm(folder, { recursive: true })
    await watch.check()
    expect(gone).toBe(1)
  } finally {
    watch.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
