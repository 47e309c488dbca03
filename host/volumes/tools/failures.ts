import { ExecError } from '@/platform/exec'
import { VolumeError } from '../store'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** Whether the file system had no room, by its error number; of a program by the words that the C library has for it. */
const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(String(codeOf(error))) || (error instanceof ExecError && /no space left on device|disk quota exceeded/i.test(error.stderr))
const isLocked = (error: unknown): boolean => error instanceof ExecError && /Failed to get .*lock/.test(error.stderr)
/** The file system does not answer for itself: a network's that is away or does not let root in for now, a disk that fails. */
const isAway = (error: unknown): boolean => ['EIO', 'ESTALE', 'ETIMEDOUT', 'EROFS', 'ENOTCONN', 'EHOSTDOWN', 'EACCES', 'EPERM'].includes(String(codeOf(error)))

/** Whatever was thrown as the port's error. `object`: the volume or snapshot that was worked on. What is no failure of a store (an abort, a mistake of ours) stays what it is. */
export function asVolumeError(object: string, error: unknown): unknown {
  if (error instanceof VolumeError) return error
  if (isFull(error)) return new VolumeError('NoSpace', object, 'The store has no room left. Delete volumes or snapshots, or ask the operator for a larger store; it is tried again.', { cause: error })
  if (isLocked(error)) return isOpen(object, error)
  if (isAway(error)) return new VolumeError('Unreachable', object, 'The store does not answer. Ask the operator to look at its disk, and at the rights of its folder; it is tried again.', { cause: error })
  return error
}

export const isOpen = (object: string, cause?: unknown): VolumeError => new VolumeError('Conflict', object, `Volume ${object} is open. Detach it from its pod first.`, { cause })
export const notFound = (kind: 'Volume' | 'Snapshot', uid: string): VolumeError => new VolumeError('NotFound', uid, `${kind} ${uid} is not in this store. It was removed, or lies in another one.`)
