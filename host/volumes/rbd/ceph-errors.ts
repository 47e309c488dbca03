import { ExecError } from '@/platform/exec'
import { VolumeError, type VolumeErrorCode } from '../store'

/** Numbers of errno.h that `rbd` and `ceph` end with. */
export const errno = { notPermitted: 1, notFound: 2, denied: 13, busy: 16, exists: 17, invalid: 22, noSpace: 28, readOnly: 30, notEmpty: 39, noData: 61, shutDown: 108, timedOut: 110, stale: 116, quota: 122 } as const

const outcomes: Readonly<Record<number, { code: VolumeErrorCode; cause: string }>> = {
  [errno.notFound]: { code: 'NotFound', cause: 'something of it is not there: look at the pool and the namespace of the store' },
  [errno.busy]: { code: 'Conflict', cause: 'it is in use' },
  [errno.exists]: { code: 'Conflict', cause: 'it is there already' },
  // Two that remove the same image at once both move it to the trash.
  [errno.stale]: { code: 'Conflict', cause: 'somebody else changes it at the same moment; it is tried again' },
  // What librbd says of an image whose lock it could not have, whatever the cause.
  [errno.readOnly]: { code: 'Conflict', cause: 'its lock could not be had: whoever has it is dead or does not answer, or the monitors did not in time; it is tried again' },
  [errno.notEmpty]: { code: 'Conflict', cause: 'something depends on it' },
  [errno.noSpace]: { code: 'NoSpace', cause: 'the cluster is full: free some of it, or add to it' },
  [errno.quota]: { code: 'NoSpace', cause: "the pool's quota is used up: raise it, or free some of the pool" },
  [errno.notPermitted]: { code: 'Unreachable', cause: "the store's user may not do that: give it the rights that docs/adr/0045 lists" },
  [errno.denied]: { code: 'Unreachable', cause: "the store's user may not do that: give it the rights that docs/adr/0045 lists" },
  [errno.invalid]: { code: 'Unreachable', cause: 'the cluster takes it for invalid: look whether it is one of the versions that docs/adr/0045 lists, and whether somebody has changed something of the pool' },
  [errno.shutDown]: { code: 'Unreachable', cause: 'the cluster has shut this host out' },
}
const missing = { code: 'Unreachable', cause: 'this host lacks a Debian package: apt-get install ceph-common qemu-block-extra' } as const
const silent = { code: 'Unreachable', cause: 'the cluster does not answer: look at its monitors and OSDs, and at the way from this host to them' } as const

/** What a program of Ceph could not do. `errno`: what it ended with; null: it was not started, or ended by its time. */
export class CephFailure extends VolumeError {
  constructor(
    code: VolumeErrorCode,
    store: string,
    message: string,
    readonly errno: number | null,
    cause: unknown,
  ) {
    super(code, store, message, { cause })
  }
}

/** @param what the program and its verb; arguments hold nothing secret, but are no help either */
export function cephError(store: string, what: string, error: ExecError): CephFailure {
  const number = numberOf(what, error)
  const { code, cause } = error.code === null && error.message.includes('ENOENT') ? missing : (outcomes[number ?? -1] ?? silent)
  // Its last line says what it is about; those before are a library's.
  const said = error.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
  return new CephFailure(code, store, `The store ${store} could not do ${what}: ${cause}${said === '' ? '' : ` (${said})`}.`, number, error)
}

/** `rados` ends with 1 whatever happened, and says the number. */
function numberOf(what: string, error: ExecError): number | null {
  if (!what.startsWith('rados ')) return error.code
  const said = /\((\d+)\) [A-Z][^()]*$/.exec(error.stderr.trim())?.[1]
  return said === undefined ? null : Number(said)
}

export const isFailure = (error: unknown, ...numbers: readonly number[]): error is CephFailure => error instanceof CephFailure && error.errno !== null && numbers.includes(error.errno)

/** It was ended in the middle of its work. */
export const isOutOfTime = ({ cause }: CephFailure): boolean => cause instanceof ExecError && cause.signal === 'SIGKILL'

/** Takes what a failure of these numbers means for something already done. */
export function unless<T>(numbers: readonly number[], instead: T): (error: unknown) => T {
  return (error) => {
    if (isFailure(error, ...numbers)) return instead
    throw error
  }
}
