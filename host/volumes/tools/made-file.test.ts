import { link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { NoPlainFile, takeFromJail } from './made-file'

let folder: string
let made: string
let taken: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'made-'))
  await mkdir(join(folder, 'jail'))
  await writeFile(join(folder, 'secret'), 'of the host')
  ;[made, taken] = [join(folder, 'jail', 'raw'), join(folder, 'raw')]
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const strange: [string, () => Promise<unknown>][] = [
  ['nothing', () => Promise.resolve()],
  ["a link to a file of the host's", () => symlink(join(folder, 'secret'), made)],
  ["a further name of a file of the host's", () => link(join(folder, 'secret'), made)],
  ['a pipe', () => run('mkfifo', [made])],
  ['a folder', () => mkdir(made)],
  ['more than it was to make', () => writeFile(made, Buffer.alloc(4097))],
]

it.each(strange)('takes no file of a jail that left %s', async (_what, leave) => {
  await leave()
  await expect(takeFromJail(made, taken, 4096)).rejects.toBeInstanceOf(NoPlainFile)
  await expect(stat(taken)).rejects.toThrow('ENOENT')
})

it('takes a plain file out of the folder of the jail, and tells what it takes of the disk', async () => {
  await writeFile(made, Buffer.alloc(4096, 1), { mode: 0o666 })
  expect(await takeFromJail(made, taken, 4096)).toBe((await stat(taken)).blocks * 512)
  expect([(await readFile(taken)).length, (await stat(taken)).mode & 0o777]).toEqual([4096, 0o600])
  await expect(stat(made)).rejects.toThrow('ENOENT')
})
