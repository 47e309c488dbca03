import { chown, link, lstat, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { syncFolder, temporarySuffix } from '@/host/ledger/atomic-file'
import { isRoot } from '@/host/images/jail/jail'
import { ExecError, run } from '@/platform/exec'
import type { Progress } from '../store'
import { idly, jailedQemuImg, layersGroup, timeFor, withJob, type Job } from '../tools/jailed-qemu-img'
import { opensDirect } from './direct'

/** No lazy reference counts: an image whose writer was killed is clean. No name of a file below in the header: the record alone says what lies over what. */
const layout = ['-o', 'compat=1.1,cluster_size=64k,lazy_refcounts=off,extended_l2=off']
/** A layer that may be written, and one that never changes again. Root opens both; jails read them by their group. */
const [writableMode, frozenMode] = [0o660, 0o440]
const fileName = 'layer.qcow2'
const copyLimitMs = 6 * 3_600_000

/** Makes an image without any data. Nothing of a stranger's is read. */
const makeEmpty = (path: string, sizeBytes: number): Promise<unknown> => run('qemu-img', ['create', '-q', '-f', 'qcow2', ...layout, path, String(sizeBytes)])

/**
 * Makes a file at `made` by `fill`, and puts it in its place: root's, on disk, and under its name at once. It is held open from before its first byte: Linux tells an error of writing back once of those who have the
 * file open, and each of them (errseq_t, fsync(2)), but not him who opens it after somebody was told, as qemu-img is, which then ends well all the same. What a jail has left must be that file.
 */
async function publish(made: string, path: string, mode: number, fill: () => Promise<unknown>): Promise<void> {
  const file = await open(made, 'wx', 0o600)
  try {
    await fill()
    const [held, left] = await Promise.all([file.stat({ bigint: true }), lstat(made, { bigint: true })])
    if (held.ino !== left.ino || held.dev !== left.dev || held.nlink !== 1n) throw new Error('qemu-img left another file than the one that it was given')
    if (isRoot) await file.chown(0, layersGroup)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(made, path)
  await syncFolder(dirname(path))
}

/** A new empty layer at `path`, in place of what an earlier call has left there. */
export async function makeLayer(path: string, sizeBytes: number): Promise<void> {
  const temporary = `${path}${temporarySuffix}`
  await rm(temporary, { force: true })
  await publish(temporary, path, writableMode, () => makeEmpty(temporary, sizeBytes))
}

/** What was written to it is on disk; with `before`, also what that writes. */
export async function syncLayer(path: string, before: (file: FileHandle) => Promise<void> = async () => {}): Promise<void> {
  const file = await open(path, 'r')
  try {
    await before(file)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** From now on nobody may write to it. */
export const freeze = (path: string): Promise<void> => syncLayer(path, (file) => file.chmod(frozenMode))

/** A chain of the jail's files `/from`… as QEMU's option of one node; nothing is looked up in a header. Short, for a header takes 1023 bytes of it. */
const chain = (places: readonly string[]): Record<string, unknown> | null => {
  const [top, ...below] = places
  return top === undefined ? null : { driver: 'qcow2', 'file.driver': 'file', 'file.filename': top, backing: chain(below) }
}
const nodes = (places: readonly string[], ofTop: Record<string, unknown> = {}): string => `json:${JSON.stringify({ ...chain(places), ...ofTop })}`
const inTheJail = (paths: readonly string[], from = 0): string[] => paths.map((_, i) => `/${from + i}`)

const jobOf = (path: string): string => join(dirname(path), `${basename(path)}.job`)

async function handOver(job: Job, file: string): Promise<void> {
  if (isRoot) await chown(file, job.uid, layersGroup)
}

/** What `qemu-img check` ends with where nothing but room is lost. */
const leaks = 3

/** Throws where a stranger's qcow2 is not whole: what lies beyond the end of a file that was cut off would read as zeros. */
export async function checkArchive(path: string, signal: AbortSignal): Promise<void> {
  await jailedQemuImg(['check', '-q', nodes(['/0'])], { readOnly: [path], signal, timeoutMs: timeFor((await stat(path)).size) }).catch((error: unknown) => {
    if (!(error instanceof ExecError) || error.code !== leaks) throw error
  })
}

/** Makes a layer of a stranger's archive, in a jail. It has no more than `sizeBytes`, which were compared with its header before. */
export async function importLayer(path: string, sizeBytes: number, archive: { path: string; format: 'raw' | 'qcow2' }, work: { progress: Progress; signal: AbortSignal }): Promise<void> {
  await withJob(jobOf(path), async (job) => {
    const made = join(job.folder, fileName)
    const source = archive.format === 'raw' ? `json:${JSON.stringify({ driver: 'raw', 'file.driver': 'file', 'file.filename': '/0' })}` : nodes(['/0'])
    await publish(made, path, writableMode, async () => {
      await makeEmpty(made, sizeBytes)
      await handOver(job, made)
      await jailedQemuImg(['convert', '-p', '-n', '--target-is-zero', '-O', 'qcow2', source, job.place(fileName)], { readOnly: [archive.path], job, maxBytes: sizeBytes, ...work })
    })
  })
}

/**
 * Makes at `path` one layer that stands for `merged` (top first) over `below`: what shows through is the same. The bytes of the ones merged stay as they are, for others may
 * have them open. qemu-img compares what lies below before and after, so that zeros that hide older bytes stay.
 */
export async function mergeLayers(path: string, merged: readonly string[], below: readonly string[], sizeBytes: number, work: { progress: Progress; signal: AbortSignal }): Promise<void> {
  await withJob(jobOf(path), async (job) => {
    const made = join(job.folder, fileName)
    await publish(made, path, frozenMode, () => fillMerged(job, made, merged, below, sizeBytes, work))
  })
}

async function fillMerged(job: Job, made: string, [top = '', ...under]: readonly string[], below: readonly string[], sizeBytes: number, work: { progress: Progress; signal: AbortSignal }): Promise<void> {
  // A file that was copied byte by byte would fill the holes that a guest's discards have made.
  // Guests wait for the same disk.
  const [first, ...rest] = [...idly, 'cp'] as const
  await run(first, [...rest, '--sparse=always', '--reflink=auto', '--', top, made], { timeoutMs: copyLimitMs, signal: work.signal })
  await handOver(job, made)
  const readOnly = [...under, ...below]
  // Longer than what it holds, where discards have left holes: what is added may have to come behind.
  const maxBytes = sizeBytes + (await stat(made)).size
  const now = nodes([job.place(fileName), ...inTheJail(readOnly)])
  const rebased = below.length === 0 ? '' : nodes(inTheJail(below, under.length))
  await jailedQemuImg(['rebase', '-p', '-b', rebased, ...(below.length === 0 ? [] : ['-F', 'qcow2']), now], { readOnly, job, maxBytes, isIdle: true, ...work })
  // What is below is the record's to say.
  if (below.length > 0) await jailedQemuImg(['rebase', '-u', '-b', '', job.place(fileName)], { readOnly: [], job, maxBytes, signal: work.signal })
}

const inspected = z.looseObject({ 'virtual-size': z.number().int().nonnegative() })

/** How many bytes a layer of the store says to have. A writer may have it open. */
export async function virtualBytes(path: string): Promise<number> {
  const said = await jailedQemuImg(['info', '-U', '--output=json', nodes(['/0'])], { readOnly: [path], timeoutMs: 30_000 })
  return inspected.parse(JSON.parse(said))['virtual-size']
}

/**
 * Makes a layer larger in place, where nobody has it open (QEMU's lock says so). A crash leaves the old size or the new one. Past the page cache, where that can be: what a failed attempt has left there would be taken
 * for written by the next one.
 */
export async function growLayer(path: string, sizeBytes: number): Promise<void> {
  const direct = await opensDirect(path)
  await syncLayer(path, (file) => withJob(jobOf(path), async (job) => {
    await link(path, join(job.folder, fileName))
    const maxBytes = sizeBytes + (await file.stat()).size
    await jailedQemuImg(['resize', '-q', nodes([job.place(fileName)], { 'cache.direct': direct }), String(sizeBytes)], { readOnly: [], job, maxBytes, timeoutMs: 120_000 })
  }))
}
