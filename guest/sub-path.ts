import * as os from 'qjs:os'
import * as std from 'qjs:std'
import { GuestError } from '@/guest/errors'
import { subPathParts } from '@/guest/volume-paths'

const O_NOFOLLOW = 0o400000
const O_PATH = 0o10000000
const O_DIRECTORY = 0o200000
const EEXIST = -17
const ENOENT = -2

/** What a container may see mounted: an open place in a volume that nobody can swap for another one any more. */
export interface Place {
  /** A path to it for as long as it is open. */
  path: string
  isFolder: boolean
  close(): void
}

function refusal(message: string, subPath: string): GuestError {
  return new GuestError('InvalidRequest', message, subPath)
}

/** Where symbolic links of the volume lead to, as parts below its folder; the parts as they are where it does not exist. */
function resolved(base: string, parts: readonly string[], subPath: string): readonly string[] {
  const [real, error] = os.realpath([base, ...parts].join('/'))
  if (error === ENOENT || error === -ENOENT) return parts
  if (error !== 0) throw refusal(`the subPath cannot be followed: ${std.strerror(Math.abs(error))}`, subPath)
  if (real === base) return []
  if (!real.startsWith(`${base}/`)) throw refusal('a symbolic link of the subPath leads out of the volume', subPath)
  return real.slice(base.length + 1).split('/')
}

/**
 * Opens a subPath of a volume, whose containers may be at work in it: links are followed within the volume, and then
 * each part is opened from the one before without following any. What is missing is made a folder, where it may be.
 * Throws InvalidRequest for what leads out of the volume, NotFound for what is missing.
 */
export function openSubPath(base: string, subPath: string, make: boolean): Place {
  let fd = open(base, O_PATH | O_DIRECTORY, subPath)
  const parts = resolved(base, subPathParts(subPath), subPath)
  try {
    for (const part of parts) fd = step(fd, part, subPath, make)
  } catch (error) {
    os.close(fd)
    throw error
  }
  const [status] = os.stat(`/proc/self/fd/${fd}`)
  return { path: `/proc/1/fd/${fd}`, isFolder: status !== null && (status.mode & os.S_IFMT) === os.S_IFDIR, close: () => void os.close(fd) }
}

function step(fd: number, part: string, subPath: string, make: boolean): number {
  const path = `/proc/self/fd/${fd}/${part}`
  if (make) {
    const error = os.mkdir(path, 0o777)
    if (error < 0 && error !== EEXIST) throw refusal(`the subPath cannot be made: ${std.strerror(-error)}`, subPath)
  }
  const next = open(path, O_PATH | O_NOFOLLOW, subPath)
  const [status] = os.stat(`/proc/self/fd/${next}`)
  if (!status || (status.mode & os.S_IFMT) === 0o120000) {
    os.close(next)
    throw refusal('a symbolic link took the place of a part of the subPath', subPath)
  }
  os.close(fd)
  return next
}

function open(path: string, flags: number, subPath: string): number {
  const fd = os.open(path, flags)
  if (fd === ENOENT) throw new GuestError('NotFound', 'the volume has no such subPath', subPath)
  if (fd < 0) throw refusal(`the subPath cannot be opened: ${std.strerror(-fd)}`, subPath)
  return fd
}
