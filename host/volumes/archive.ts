import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { VolumeOrigin } from '@/contracts/host/v1/volumes'
import type { FetchUpload } from '@/host/pods/adapters/images'
import { FairTurns } from './fair-turns'
import { asVolumeError } from './tools/failures'
import { hostRoom } from './tools/host-room'
import { VolumeError, type Progress, type VolumeStore } from './store'

type Upload = Extract<VolumeOrigin, { kind: 'upload' }>

/** Makes a volume of an archive that a tenant has sent to the server. `onWait`: others' archives come first (true), and do not any more (false). */
export type MakeOfArchive = (store: VolumeStore, volume: { uid: string; tenantId: string; sizeBytes: number }, upload: Upload, work: { progress: Progress; signal: AbortSignal; onWait: (waits: boolean) => void }) => Promise<void>

/** How much of the whole the fetching is, as people see it. */
const fetching = 0.5

/**
 * Fetches archives into a folder of this host, one at a time and each tenant in turn, where each lies as long as a volume is made of it. What is not as the server said it is, byte for byte, is none. Throws VolumeError, and the reason of
 * an abort.
 */
export async function archivesIn(folder: string, fetch: FetchUpload): Promise<MakeOfArchive> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
  // Each takes room of the host's own disk, twice.
  const turns = new FairTurns()
  return (store, volume, upload, { progress, signal, onWait }) => turns.do(volume.tenantId, async () => {
    const path = join(folder, volume.uid)
    if (upload.bytes > (await hostRoom(folder))) throw new VolumeError('NoSpace', volume.uid, `The host has no room for the archive of ${upload.bytes} bytes. It is tried again; ask the operator to make room on its disk.`)
    try {
      await fetchInto(path, volume.uid, upload, fetch, (part) => progress(part * fetching), signal)
      await store.import(volume, { path, format: upload.format }, (part) => progress(fetching + part * (1 - fetching)), signal)
    } finally {
      await rm(path, { force: true })
    }
  }, signal, onWait)
}

async function fetchInto(path: string, uid: string, { uploadId, bytes, digest }: Upload, fetch: FetchUpload, progress: Progress, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'w', 0o600)
  const hash = createHash('sha256')
  let taken = 0
  try {
    await fetch(uploadId, async (chunk) => {
      taken += chunk.length
      if (taken > bytes) throw notAsSaid(uid)
      hash.update(chunk)
      await file.writeFile(chunk)
      progress(bytes === 0 ? 1 : taken / bytes)
    }, signal)
    // What the disk lost reads as zeros once it is not in the page cache any more: the digest is of what came.
    await file.sync()
  } catch (error) {
    signal.throwIfAborted()
    const known = asVolumeError(uid, error)
    throw known instanceof VolumeError ? known : new VolumeError('Unreachable', uid, 'The archive could not be fetched from the server. It is tried again.', { cause: error })
  } finally {
    await file.close()
  }
  if (taken !== bytes || hash.digest('hex') !== digest.replace(/^sha256:/, '')) throw notAsSaid(uid)
}

const notAsSaid = (uid: string): VolumeError => new VolumeError('Refused', uid, 'The archive on the server is not what was uploaded. Upload it again, and make the volume of that.')
