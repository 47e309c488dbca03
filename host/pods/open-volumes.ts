import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { VolumeLedger } from '@/host/ledger/volumes'
import { archivesIn } from '@/host/volumes/archive'
import { VolumeError } from '@/host/volumes/store'
import { Volumes, type VolumesSettings } from '@/host/volumes/volumes'
import type { FetchUpload } from './adapters/images'
import { systemClock } from './clock'
import type { HostSettings } from './open-host'
import { ImageProblem, type ImagePort } from './ports'

/** What volumes ask the rest of the host for. */
export type VolumePorts = { fetch: FetchUpload; images: Pick<ImagePort, 'ensure'>; tell: VolumesSettings['tell']; reach: VolumesSettings['reach'] }

/** A pull that takes longer is tried again. */
const pullWithinMs = 1_800_000

/** Opens what this host knows of volumes. `before`: pods of an earlier run of the agent. Nothing of a store is touched before the server or the ledger names it. */
export async function openVolumes({ folder, volumesFolder = join(folder, 'volumes'), log }: Pick<HostSettings, 'folder' | 'volumesFolder' | 'log'>, before: readonly string[], { fetch, images, tell, reach }: VolumePorts): Promise<Volumes> {
  const work = join(folder, 'volume-work')
  await mkdir(work, { recursive: true, mode: 0o700 })
  const ledger = await VolumeLedger.open(join(folder, 'volume-ledger'), log)
  const makeOfArchive = await archivesIn(join(folder, 'volume-archives'), fetch)
  return new Volumes({ ledger, before, folders: { stores: volumesFolder, work, marks: join(folder, 'volume-marks') }, makeOfArchive, imageFile: imageFileOf(images), reach, clock: systemClock, log, tell })
}

/** Images without a secret of the tenant's: a volume names none. */
const imageFileOf = (images: VolumePorts['images']): VolumesSettings['imageFile'] => async (uid, reference, tenantId) => {
  try {
    const { file } = await images.ensure(reference, { tenantId, policy: 'IfNotPresent', pullSecrets: [], signal: AbortSignal.timeout(pullWithinMs), onProgress: () => {} })
    return file
  } catch (error) {
    if (!(error instanceof ImageProblem)) throw error
    throw new VolumeError('Unreachable', uid, `The image "${reference}", whose files the volume shall have, cannot be used. ${error.message} It is tried again; a volume of another image has to be made anew.`, { cause: error })
  }
}
