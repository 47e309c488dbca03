import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeReplayFile, removeReplayFile, replayBytes, replayBytesOf, replayFolder } from './replay-file'

const [MiB, GiB] = [2 ** 20, 2 ** 30]

let runDir: string
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'replay-'))
})
afterEach(() => rm(runDir, { recursive: true, force: true }))

const make = (serial: string, diskBytes: number, mostBytes: number) => makeReplayFile(runDir, serial, diskBytes, mostBytes)

test('all that one VM has are together no longer than they may be, whoever made them, and one that goes leaves its room', async () => {
  const whole = replayBytesOf(GiB)
  const most = whole + 100 * MiB
  expect(await make('a', GiB, most)).toMatchObject({ bytes: whole })
  expect(await make('b', GiB, most), 'what the first leaves').toMatchObject({ bytes: 100 * MiB })
  expect([await make('c', GiB, most), await make('d', MiB, most)]).toEqual([null, null])
  const sizes = async () => Promise.all((await readdir(replayFolder(runDir))).sort().map(async (name) => (await stat(join(replayFolder(runDir), name))).size))
  expect([await sizes(), await replayBytes(runDir)]).toEqual([[whole, 100 * MiB], most])
  // Anew in place of an earlier one of the same disk, which counts no more.
  expect(await make('a', GiB, most)).toMatchObject({ bytes: whole })
  await removeReplayFile(runDir, 'a')
  expect(await make('c', GiB, most)).toMatchObject({ bytes: whole })
})

test('a VM without any room has none', async () => {
  expect([await make('a', GiB, 0), await make('b', MiB, 0), await replayBytes(runDir)]).toEqual([null, null, 0])
})
