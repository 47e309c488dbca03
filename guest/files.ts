import * as os from 'qjs:os'
import * as std from 'qjs:std'
import { GuestError } from '@/guest/errors'
import { decodeTextLeniently, encodeText } from '@/guest/text'

const nonBlocking = 0o4000

/** Makes a folder and those above it. One that exists is left as it is. */
export function makeFolder(path: string, mode = 0o755): void {
  const parts = path.split('/').filter((part) => part !== '')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const error = os.mkdir(`/${parts.slice(0, depth).join('/')}`, depth === parts.length ? mode : 0o755)
    if (error < 0 && error !== -17) throw new GuestError('Unavailable', `cannot make the folder: ${std.strerror(-error)}`, path)
  }
}

/** Removes a file, a link or a folder with all below it, never through a link; nothing where it is missing. */
export function removeTree(path: string): void {
  const [status] = os.lstat(path)
  if (!status) return
  if ((status.mode & os.S_IFMT) === os.S_IFDIR) for (const name of listFolder(path)) removeTree(`${path}/${name}`)
  os.remove(path)
}

/** Writes a whole file. Throws where the kernel refuses, as files of /proc and /sys may. */
export function writeFile(path: string, content: string | Uint8Array<ArrayBuffer>, mode = 0o644): void {
  const bytes = typeof content === 'string' ? encodeText(content) : content
  const fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
  if (fd < 0) throw new GuestError('Unavailable', `cannot open for writing: ${std.strerror(-fd)}`, path)
  let at = 0
  let written = 0
  while (at < bytes.length && written >= 0) {
    written = os.write(fd, bytes.buffer, at, bytes.length - at)
    at += Math.max(written, 0)
  }
  os.close(fd)
  if (written < 0) throw new GuestError('Unavailable', `cannot write: ${std.strerror(-written)}`, path)
}

/**
 * The beginning of a regular file as text, or undefined where there is none. Opens nothing that
 * could block, for the file may be one of an image's.
 */
export function readText(path: string, limit = 64 * 1024): string | undefined {
  const [status] = os.stat(path)
  if (!status || (status.mode & os.S_IFMT) !== os.S_IFREG) return undefined
  const fd = os.open(path, os.O_RDONLY | nonBlocking)
  if (fd < 0) return undefined
  const buffer = new Uint8Array(limit)
  let length = 0
  while (length < limit) {
    const got = os.read(fd, buffer.buffer, length, limit - length)
    if (got <= 0) break
    length += got
  }
  os.close(fd)
  return decodeTextLeniently(buffer.subarray(0, length))
}

/** The last bytes of a file as text; a character that is cut off at their beginning is left out. */
export function readEnd(path: string, limit: number): string {
  const [status] = os.stat(path)
  const fd = os.open(path, os.O_RDONLY | nonBlocking)
  if (fd < 0) return ''
  if (status && status.size > limit) os.seek(fd, status.size - limit, std.SEEK_SET)
  const buffer = new Uint8Array(limit)
  let length = 0
  for (let got = 1; got > 0 && length < limit; length += Math.max(got, 0)) got = os.read(fd, buffer.buffer, length, limit - length)
  os.close(fd)
  let from = 0
  if (status && status.size > limit) while (from < 3 && ((buffer[from] ?? 0) & 0xc0) === 0x80) from += 1
  return decodeTextLeniently(buffer.subarray(from, length))
}

/** Names in a folder; none where it cannot be read. */
export function listFolder(path: string): string[] {
  const [names, error] = os.readdir(path)
  return error === 0 ? names.filter((entry) => entry !== '.' && entry !== '..') : []
}

/** `key value` lines, as cgroup and /proc files have them. */
export function readKeyedNumbers(path: string): Map<string, number> {
  const rows = (readText(path) ?? '').split('\n').map((line) => /^(\S+?):?\s+(\d+)/.exec(line))
  return new Map(rows.flatMap((row) => (row?.[1] ? [[row[1], Number(row[2])] as const] : [])))
}

/** A file that holds one number; 0 where it is missing. */
export function readNumber(path: string): number {
  return Number.parseInt(readText(path, 64) ?? '0', 10) || 0
}
