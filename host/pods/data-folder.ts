import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Why the folder of a host cannot be written to; `found` and `action` are sentences without the host's paths, for tenants too. */
export type FolderProblem = { reason: 'HostDiskFull' | 'HostDiskReadOnly' | 'HostDiskFailed'; found: string; action: string }

const full: FolderProblem = { reason: 'HostDiskFull', found: "The host's disk is full.", action: "The host's operator has to make room where HYPERNETES_DATA lies." }
const readOnly: FolderProblem = { reason: 'HostDiskReadOnly', found: "The host's disk can only be read.", action: "The host's operator has to make the file system of HYPERNETES_DATA writable; the kernel's log (dmesg) says why it is not." }
const failed: FolderProblem = { reason: 'HostDiskFailed', found: "The host's disk fails.", action: "The host's operator finds the cause in the kernel's log (dmesg)." }
const byCode: Readonly<Record<string, FolderProblem>> = { ENOSPC: full, EDQUOT: full, EROFS: readOnly, EIO: failed }

/** What an error says of the disk; null where it is about something else. */
export function diskProblem(error: unknown): FolderProblem | null {
  if (!(error instanceof Error)) return null
  const code = 'code' in error && typeof error.code === 'string' ? byCode[error.code] : undefined
  return code ?? diskProblem(error.cause)
}

/** As much as a step of a pod's start writes at the least. */
const probeBytes = 256 << 10

/**
 * Tries to write into the folder, as the parts of the host do: whatever program of theirs failed, this tells whether the
 * disk is the cause. Null where it can be written to.
 */
export async function findDiskProblem(folder: string): Promise<FolderProblem | null> {
  const path = join(folder, `.written-${process.pid}`)
  try {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(Buffer.alloc(probeBytes))
    } finally {
      await file.close()
    }
    return null
  } catch (error) {
    return diskProblem(error)
  } finally {
    await rm(path, { force: true }).catch(() => {})
  }
}
