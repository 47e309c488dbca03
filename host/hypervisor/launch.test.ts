import { mkdtemp, open, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lastWords } from './launch'

it('the last words are the end of the file, however large it is, and of no file that it only points to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'launch-'))
  try {
    const path = join(folder, 'stderr')
    const file = await open(path, 'w')
    await file.write('qemu: it failed\n', 2 ** 40)
    await file.close()
    expect(await lastWords(path)).toBe('qemu: it failed')
    await symlink(path, join(folder, 'link'))
    expect(await lastWords(join(folder, 'link'))).toBe('')
    expect(await lastWords(join(folder, 'none'))).toBe('')
  } finally {
    await rm(folder, { recursive: true })
  }
})
