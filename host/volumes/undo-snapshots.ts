import type { VolumeLedger } from '@/host/ledger/volumes'
import { allDone } from '@/host/network/serial'
import { onImage } from './cut-off'
import type { Member } from './take-snapshots'

/**
 * Afterwards nothing of these is in their stores, whether they were taken, half taken or not at all. Only what this host would take itself: under the number by which it keeps each volume. Rejects where one store has not said so; all
 * are tried.
 */
export async function undoSnapshots(members: readonly Member[], ledger: Pick<VolumeLedger, 'snapshot' | 'remove'>): Promise<void> {
  // What is written down says that all of a group were taken at one instant: it goes first.
  for (const { uid } of members) if (ledger.snapshot(uid)) await ledger.remove({ kind: 'snapshot', uid })
  await allDone(members.map(({ uid, volume, store }) => volume.serial.do(async () => {
    await onImage(volume, store.removeSnapshot(uid, volume.uid, volume.state.entry.epoch))
    await store.abortSnapshot(volume.uid, uid)
  })))
}
