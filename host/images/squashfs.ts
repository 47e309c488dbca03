import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { asImageError, cancelled, diskFull, ImageError } from './image-error'

/** Where a merged image's tar bytes go. */
export type TarSink = { write(bytes: Buffer): Promise<void> }

/**
 * Options of sqfstar. lz4, since guests may be emulated: of a 176 MB image a cold read of one 90 MB file took 0.71 s
 * with it, 0.63 s without compression and 1.30 s with zstd, whose making took 12.9 s instead of 0.25 s; lz4 halves the
 * disk. Blocks of 64 KiB, for a start reads many small files. Memory is bounded: the default is a quarter of the
 * machine's.
 */
const fixedOptions = ['-comp', 'lz4', '-b', '64K', '-mem', '128M', '-exit-on-error', '-no-progress', '-quiet']

/**
 * Makes a squashfs at `path` (which must not exist) from tar bytes that `fill` writes. The root directory gets
 * `rootMode` and belongs to root: sqfstar 4.5 takes neither its owner nor its time. Nothing is unpacked. The file is on disk (fsync) when this
 * resolves. On failure the caller removes `path`. Throws {@link ImageError}.
 */
export async function writeSquashfs(path: string, rootMode: number, fill: (sink: TarSink) => Promise<void>, signal?: AbortSignal): Promise<void> {
  const child = spawn('sqfstar', [...fixedOptions, '-root-mode', (rootMode & 0o7777).toString(8), path], { stdio: ['pipe', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr = (stderr + text.toString()).slice(-2000)))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
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
  const file = await open(path, 'r+')
  try {
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
