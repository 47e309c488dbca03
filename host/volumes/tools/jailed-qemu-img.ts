import { chown, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { folderUse } from '@/host/images/jail/folder'
import { inGroup } from '@/host/images/jail/group'
import { isRoot, jailed, jailUid } from '@/host/images/jail/jail'
import { ExecError, run } from '@/platform/exec'
import type { Progress } from '../store'

/** Who may read layers beside root: jails of {@link jailedQemuImg} alone. Above every account of jails and below 0x7fffffff. */
export const layersGroup = 0x7fff_fff8

/** Where the jail has its one writable folder. */
const jobPlace = '/job'

/** It keeps tables of an image in memory, whose sizes QEMU bounds (32 MiB the first level, 8 MiB the reference counts) and whose caches grow with the size to 32 MiB. */
const limits = { memoryBytes: 512 << 20, addressSpace: 3 * 2 ** 30, openFiles: 128, processes: 64, cpuSeconds: 4 * 3600 }
const timeLimitMs = 6 * 3_600_000
const bytesPerMs = 2 ** 30 / 60_000
/** Longer no program works on so many bytes for whom others wait: one that is made to work for ever keeps them waiting no longer. */
export const timeFor = (bytes: number): number => Math.min(timeLimitMs, 600_000 + Math.ceil(bytes / bytesPerMs))
/** A qcow2 of clusters of 64 KiB has some 0.2 ‰ of tables; QEMU never writes more of them than twice. */
const tablesOf = (sizeBytes: number): number => (64 << 20) + Math.ceil(sizeBytes / 100)

/** `readOnly`: files that the jail has as `/0`, `/1`…; they must be readable by {@link layersGroup}. `maxBytes`: the virtual size of what it may write;
 * `maxStored`: how many bytes it may take of the disk meanwhile. `isIdle`: whatever else uses the disk goes first. */
export type JailedWork = { readOnly: readonly string[]; job?: Job; maxBytes?: number; maxStored?: number; isIdle?: boolean; progress?: Progress; signal?: AbortSignal; timeoutMs?: number }

/** It was ended for taking more than `maxStored` of the disk. */
export class WroteTooMuch extends Error {
  override readonly name = 'WroteTooMuch'
}

/** A program for which a disk works when nobody else asks it for something. */
export const idly = ['ionice', '-c', '3', '-t'] as const

/** A folder that one jail may write in; its files are named in the jail by `place`. */
export type Job = { folder: string; uid: number; place: (name: string) => string }

/** Makes an empty folder for a jail, hands it over, and removes it in the end, whatever it then holds. One that was left behind by an agent that died makes room. */
export async function withJob<T>(folder: string, work: (job: Job) => Promise<T>): Promise<T> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  const uid = jailUid()
  try {
    if (isRoot) await chown(folder, uid, layersGroup)
    return await work({ folder, uid, place: (name) => join(jobPlace, name) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Runs qemu-img on images whose bytes are a stranger's: in a jail without a network that has nothing but them and at most one folder to write in; memory, time and
 * the size of a file are bounded, and whatever makes more of that folder than three plain files is ended. Resolves with what it printed. Throws {@link ExecError}, {@link WroteTooMuch}, or the signal's reason.
 */
export async function jailedQemuImg(args: readonly string[], { readOnly, job, maxBytes = 0, maxStored = Infinity, isIdle = false, progress, signal, timeoutMs = isIdle ? timeLimitMs : timeFor(maxBytes) }: JailedWork): Promise<string> {
  signal?.throwIfAborted()
  const bounds = { ...limits, fileBytes: maxBytes + tablesOf(maxBytes) }
  const uid = job?.uid ?? jailUid()
  const { command, args: argv, leave } = await inGroup(bounds, jailed({
    uid,
    ...(isRoot && { group: layersGroup }),
    readOnly: readOnly.map((source, i) => ({ source, place: `/${i}` })),
    ...(job && { writable: { source: job.folder, place: jobPlace } }),
    limits: bounds,
  }, ['qemu-img', ...args]))
  const stray = new AbortController()
  const watch = job && setInterval(() => void folderUse(job.folder, 3).then(({ isStrange, storedBytes }) => {
    if (isStrange) stray.abort(new Error('qemu-img left more than its files'))
    else if (storedBytes > maxStored) stray.abort(new WroteTooMuch(`qemu-img wrote more than ${maxStored} bytes`))
  }), 250)
  let printed = ''
  const onStdout = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-(1 << 20))
    const part = /.*\(\s*(\d+\.\d+)\/100%\)/s.exec(printed)?.[1]
    if (part !== undefined) progress?.(Math.min(1, Number(part) / 100))
  }
  try {
    const [first = command, ...rest] = [...(isIdle ? idly : []), command, ...argv]
    await run(first, rest, { timeoutMs, signal: AbortSignal.any([stray.signal, ...(signal ? [signal] : [])]), maxOutput: 1 << 20, onStdout })
    return printed
  } catch (error) {
    throw signal?.aborted ? signal.reason : stray.signal.aborted ? stray.signal.reason : error
  } finally {
    clearInterval(watch)
    await leave()
  }
}

/** What it said when it ended with an error, without the paths of this host: it knows none. */
export const saidBy = (error: unknown): string => (error instanceof ExecError ? error.stderr.trim().split('\n').at(-1)?.replace(/^qemu-img: /, '').slice(0, 300) ?? '' : '')
