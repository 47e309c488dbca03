import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { VolumeLedger } from '@/host/ledger/volumes'
import { archivesIn } from '@/host/volumes/archive'
import { Volumes, type VolumesSettings } from '@/host/volumes/volumes'
import type { FetchUpload } from './adapters/images'
import { systemClock } from './clock'
import type { HostSettings } from './open-host'

/** Opens what this host knows of volumes. `before`: pods of an earlier run of the agent. Nothing of a store is touched before the server or the ledger names it. */
export async function openVolumes({ folder, volumesFolder = join(folder, 'volumes'), log }: Pick<HostSettings, 'folder' | 'volumesFolder' | 'log'>, before: readonly string[], fetch: FetchUpload, tell: VolumesSettings['tell']): Promise<Volumes> {
  const work = join(folder, 'volume-work')
  await mkdir(work, { recursive: true, mode: 0o700 })
  const ledger = await VolumeLedger.open(join(folder, 'volume-ledger'), log)
  const makeOfArchive = await archivesIn(join(folder, 'volume-archives'), fetch)
  return new Volumes({ ledger, before, folders: { stores: volumesFolder, work }, makeOfArchive, clock: systemClock, log, tell })
}
