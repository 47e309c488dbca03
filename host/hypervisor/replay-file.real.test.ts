import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '@/platform/exec'
import { makeReplayFile, removeReplayFile, replayBytes, replayBytesOf, replayFolder } from './replay-file'

const [KiB, MiB, GiB] = [2 ** 10, 2 ** 20, 2 ** 30]

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

test.each([{ disk: '320 MiB', diskBytes: 320 * MiB, apart: 8 * KiB }, { disk: '4 TiB', diskBytes: 4096 * GiB, apart: GiB }])('a journal whose blocks lie apart has room over a disk of $disk', async ({ diskBytes, apart }) => {
  const bytes = replayBytesOf(diskBytes)
  const file = await make('a', diskBytes, bytes)
  // So many blocks as are written of those that it is for take their part of it.
  const [blocks, all] = [4096, diskBytes === 320 * MiB ? 128 * MiB / 4096 : 2 * GiB / 4096]
  const writes = Array.from({ length: blocks }, (_, i) => `write -q ${i * apart} 4096`).join('\n')
  await run('qemu-io', ['-t', 'unsafe', '-f', 'qcow2', file?.path ?? ''], { input: `${writes}\n` })
  const used = (await stat(file?.path ?? '')).blocks * 512
  expect(used).toBeGreaterThan(blocks * 4096)
  expect(used).toBeLessThanOrEqual((bytes * blocks) / all + 16 * MiB)
})

test.each([0, 1, 3000, 100 * MiB + 1, 20 * GiB + 512, 1025 * GiB])('is of whole sectors, as QEMU wants it: over %i bytes', (diskBytes) => {
  expect(replayBytesOf(diskBytes) % MiB).toBe(0)
})

test('a VM without any room has none', async () => {
  expect([await make('a', GiB, 0), await make('b', MiB, 0), await replayBytes(runDir)]).toEqual([null, null, 0])
})
