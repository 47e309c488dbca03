import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { chown, mkdir, open, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { asImageError, cancelled, diskFull, ImageError } from './image-error'
import { folderUse } from './jail/folder'
import { inGroup, type InGroup } from './jail/group'
import { isRoot, jailed, jailUid } from './jail/jail'
import { giveToRoot } from './squashfs-owner'

/** Where a merged image's tar bytes go. */
export type TarSink = { write(bytes: Buffer): Promise<void> }

/**
 * Options of sqfstar. lz4, since guests may be emulated: of a 176 MB image a cold read of one 90 MB file took 0.71 s
 * with it, 0.63 s without compression and 1.30 s with zstd, whose making took 12.9 s instead of 0.25 s; lz4 halves the
 * disk. Blocks of 64 KiB, for a start reads many small files. Memory is bounded: the default is a quarter of the
 * machine's.
 */
const fixedOptions = ['-processors', String(Math.min(8, availableParallelism())), '-comp', 'lz4', '-b', '64K', '-mem', '128M', '-noId', '-exit-on-error', '-no-progress', '-quiet']

/** It has 128 MiB for blocks and as much again for names; each thread reserves addresses beside that, and there are three a processor. What comes in is bounded before. */
const limits = { memoryBytes: 2 * 2 ** 30, addressSpace: 4 * 2 ** 30, openFiles: 64, processes: 48, cpuSeconds: 3600 }

/**
 * Makes a squashfs at `path` (which must not exist) from tar bytes that `fill` writes. The root directory gets
 * `rootMode` and belongs to root: sqfstar 4.5 takes neither its owner nor its time. Nothing is unpacked, and sqfstar, which
 * reads a stranger's names and bytes, sits in a jail with an empty folder. The file is on disk (fsync) when this
 * resolves, and has at most `maxBytes`. Nothing is left on failure. Throws {@link ImageError}.
 */
export async function writeSquashfs(path: string, rootMode: number, fill: (sink: TarSink) => Promise<void>, { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal | undefined }): Promise<void> {
  const uid = jailUid()
  const folder = `${path}.jail`
  try {
    await mkdir(folder, { mode: 0o700 })
    if (isRoot) await chown(folder, uid, uid)
    await writeJailed({ uid, folder, rootMode, fill, maxBytes, signal })
    const made = join(folder, fileName)
    if (isRoot) await chown(made, 0, 0)
    await rename(made, path)
  } catch (error) {
    throw asImageError(error)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const fileName = 'image.squashfs'

type Work = { uid: number; folder: string; rootMode: number; fill: (sink: TarSink) => Promise<void>; maxBytes: number; signal: AbortSignal | undefined }

async function writeJailed(work: Work): Promise<void> {
  const { uid, folder, rootMode, maxBytes } = work
  const place = '/image'
  const bounds = { ...limits, fileBytes: maxBytes }
  const group = await inGroup(bounds, jailed({ uid, writable: { source: folder, place }, limits: bounds }, ['sqfstar', ...fixedOptions, '-root-mode', (rootMode & 0o7777).toString(8), join(place, fileName)]))
  const stray = new AbortController()
  // It writes one file; what else appears is by somebody who has taken it over.
  const watch = setInterval(() => void folderUse(folder, 1).then(({ isStrange }) => isStrange && stray.abort()), 250)
  try {
    await feed(work, group, stray.signal)
  } finally {
    clearInterval(watch)
    await group.leave()
  }
}

async function feed({ uid, folder, fill, signal }: Work, { command, args }: InGroup, stray: AbortSignal): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { PATH: process.env.PATH, NODE_ENV: process.env.NODE_ENV, LANG: 'C.UTF-8' }, signal: signal ? AbortSignal.any([signal, stray]) : stray, killSignal: 'SIGKILL' })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr = (stderr + text.toString()).slice(-2000)))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.once('close', resolve)
  })
  // Both are awaited below; until then a failure must not count as unhandled.
  ended.catch(() => {})
  child.stdin.on('error', () => {})
  const write = async (bytes: Buffer): Promise<void> => {
    if (child.stdin.destroyed) throw new ImageError('internal', 'The image could not be written.', 'It is tried again.', stderr)
    if (!child.stdin.write(bytes)) await Promise.race([once(child.stdin, 'drain'), ended])
  }
  try {
    await fill({ write })
    child.stdin.end()
    await finished(child.stdin)
  } catch (error) {
    child.kill('SIGKILL')
    await ended.catch(() => {})
    throw signal?.aborted ? cancelled() : explain(stderr, error)
  }
  const code = await ended.catch((error: unknown) => {
    throw signal?.aborted ? cancelled() : asImageError(error)
  })
  if (code !== 0) throw explain(stderr, undefined)
  const file = await open(join(folder, fileName), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw new ImageError('internal', 'The host could not write the image.', 'Ask the operator to look into the log of the host.', 'sqfstar left no plain file')
    if (isRoot) await giveToRoot(file, uid)
    await file.sync()
  } finally {
    await file.close()
  }
}

function explain(stderr: string, error: unknown): ImageError {
  if (/no space left/i.test(stderr)) return diskFull(stderr)
  if (error instanceof ImageError && error.code !== 'internal') return error
  return new ImageError('internal', 'The host could not write the image.', 'Ask the operator to look into the log of the host.', `sqfstar: ${stderr || String(error)}`)
}
