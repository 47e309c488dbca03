import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { folderUse } from './folder'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jail-folder-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('counts plain files', async () => {
  await Promise.all([1, 2, 3].map((n) => writeFile(join(folder, String(n)), Buffer.alloc(n))))
  await truncate(join(folder, '3'), 2 ** 30)
  const use = await folderUse(folder, 3)
  expect(use).toMatchObject({ bytes: 2 ** 30 + 3, isStrange: false })
  // A hole takes no room.
  expect(use.storedBytes).toBeLessThan(2 ** 20)
  expect(await folderUse(join(folder, 'none'), 3)).toEqual({ bytes: 0, storedBytes: 0, isStrange: false })
})

it('finds strange what hides bytes: a folder, a link, more files than there may be', async () => {
  await Promise.all(Array.from({ length: 300 }, (_, n) => writeFile(join(folder, String(n)), '')))
  expect(await folderUse(folder, 299)).toMatchObject({ isStrange: true })
  expect(await folderUse(folder, 300)).toMatchObject({ isStrange: false })
  await mkdir(join(folder, 'folder'))
  expect(await folderUse(folder, 1000)).toMatchObject({ isStrange: true })
  await rm(join(folder, 'folder'), { recursive: true })
  await symlink('/', join(folder, 'link'))
  expect(await folderUse(folder, 1000)).toMatchObject({ isStrange: true })
})
