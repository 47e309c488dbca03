import { mkdir, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'

const [KiB, MiB, GiB] = [2 ** 10, 2 ** 20, 2 ** 30]

/** What a file system writes at once, and a journal has one after another, for places anywhere. */
const blockBytes = 4 * KiB
/** As mkfs.xfs makes the largest; mke2fs makes 1 GiB. */
const mostJournal = 2 * GiB

/** Small, for each of a journal's blocks takes a whole one; of a large disk greater, for QEMU takes 32 MiB at most for the table of the tables (block/qcow2.h, QCOW_MAX_L1_SIZE), and holds it in memory. */
const clusterOf = (diskBytes: number): number => (diskBytes > 1024 * GiB ? 8 : 4) * KiB

/** QEMU takes no bound that is not of whole sectors. */
const wholeMiB = (bytes: number): number => Math.ceil(bytes / MiB) * MiB

/** More than either tool makes of a disk of this size: mke2fs a thirty-second of it at most from 1 GiB on (lib/ext2fs/mkjournal.c), mkfs.xfs 64 MiB until 2 GiB are the 2048th (mkfs/xfs_mkfs.c). */
const journalOf = (diskBytes: number): number => Math.min(diskBytes, Math.max(128 * MiB, Math.min(diskBytes / 16, mostJournal)))

/**
 * How much a guest may write over a disk that it only reads: as many blocks as a journal has, each of them alone in its cluster and, where the disk is as large, in the part of it that one table is of. 16 MiB are for what
 * is written of the journal itself, and for counts of the clusters. A journal that needs more, of a disk whose maker asked for one, is not replayed.
 */
export function replayBytesOf(diskBytes: number): number {
  const cluster = clusterOf(diskBytes)
  const blocks = Math.ceil(journalOf(diskBytes) / blockBytes)
  const tables = Math.ceil(diskBytes / (cluster * (cluster / 8)))
  return wholeMiB((blocks + Math.min(blocks, tables)) * cluster + tables * 8) + 16 * MiB
}

/** In the folder of the VM; QEMU does not see it. It goes with the VM. */
export const replayFolder = (runDir: string): string => join(runDir, 'replay')
/** Of one disk. */
export const replayFile = (runDir: string, serial: string): string => join(replayFolder(runDir), `${serial}.qcow2`)

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
  const [path, needed] = [replayFile(runDir, serial), replayBytesOf(diskBytes)]
  await mkdir(replayFolder(runDir), { recursive: true, mode: 0o700 })
  await rm(path, { force: true })
  const bytes = Math.min(needed, Math.floor((mostBytes - (await replayBytes(runDir))) / MiB) * MiB)
  if (bytes < Math.min(needed, leastBytes)) return null
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `compat=1.1,cluster_size=${clusterOf(diskBytes)},lazy_refcounts=off`, path, String(diskBytes)])
  await truncate(path, bytes)
  return { path, bytes }
}

/** Nothing where there is none. */
export const removeReplayFile = (runDir: string, serial: string): Promise<void> => rm(replayFile(runDir, serial), { force: true })
