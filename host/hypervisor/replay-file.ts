import { mkdir, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'

const [KiB, MiB, GiB] = [2 ** 10, 2 ** 20, 2 ** 30]

/** Small, for a journal's blocks lie anywhere, and each takes a whole one; of a large disk greater, or the table of its tables would be. */
const clusterOf = (diskBytes: number): number => (diskBytes > 1024 * GiB ? 16 : 4) * KiB

/**
 * How much a guest may write over a disk that it only reads. A journal has 1 GiB at most, as mke2fs makes it, and replaying it writes no more than that; as much again is for the tables that say where each block lies. It
 * need not hold more than the whole disk.
 */
export const replayBytesOf = (diskBytes: number): number => 2 * Math.min(diskBytes, GiB) + 16 * MiB

/** In the folder of the VM; QEMU does not see it. It goes with the VM. */
export const replayFolder = (runDir: string): string => join(runDir, 'replay')
const fileOf = (runDir: string, serial: string): string => join(replayFolder(runDir), `${serial}.qcow2`)

/** Less than this holds no journal; of a small disk it is all that is needed. */
const leastBytes = 64 * MiB

/** How long all such files of a VM are together, whichever agent made them. */
export async function replayBytes(runDir: string): Promise<number> {
  const names = await readdir(replayFolder(runDir)).catch(() => [])
  const sizes = await Promise.all(names.map((name) => stat(join(replayFolder(runDir), name)).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/**
 * Makes the file that a reader's disk is written to, empty, in place of an earlier one. Nothing else is ever as long: it is as long as it may become from the beginning, and takes room for what is written only. All of
 * a VM together are no longer than `mostBytes`: one is given what the others leave, and where that is too little there is none (null). Those of one VM are made one after another.
 */
export async function makeReplayFile(runDir: string, serial: string, diskBytes: number, mostBytes: number): Promise<{ path: string; bytes: number } | null> {
  const [path, needed] = [fileOf(runDir, serial), replayBytesOf(diskBytes)]
  await mkdir(replayFolder(runDir), { recursive: true, mode: 0o700 })
  await rm(path, { force: true })
  const bytes = Math.min(needed, mostBytes - (await replayBytes(runDir)))
  if (bytes < Math.min(needed, leastBytes)) return null
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `compat=1.1,cluster_size=${clusterOf(diskBytes)},lazy_refcounts=off`, path, String(diskBytes)])
  await truncate(path, bytes)
  return { path, bytes }
}

/** Nothing where there is none. */
export const removeReplayFile = (runDir: string, serial: string): Promise<void> => rm(fileOf(runDir, serial), { force: true })
