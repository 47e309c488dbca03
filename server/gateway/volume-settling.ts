import { isLockTimeout, type DatabaseClient, type Transaction } from '@/server/store/database'
import { tellLetGo } from '@/server/store/volume-events'
import { settleVolume, type HostVolumes, type SettledVolume } from '@/server/store/volume-state'
import { rightKey, type HeldVolumes } from './held-volumes'
import type { HostSession } from './host-sessions'
import { writeOfConnection } from './volume-writes'

/**
 * What has come to its end on a host by what it may have open: rights that are over and that it has no more, and volumes that it shall leave and does not have. And rights that
 * were taken for lost while it was silent, and that it has. To be asked after it was told, of the same state.
 */
export function settledOf(held: HeldVolumes, { ready, volumes }: HostVolumes, hostId: string): SettledVolume[] {
  return volumes.flatMap(({ uid, leaving, epoch, hostId: keeper, attachments }) => {
    const key = `volume/${uid}`
    const settled: SettledVolume = { uid, ended: [], left: keeper === hostId && leaving && !held.holds(key) ? epoch : null, back: [] }
    for (const one of attachments) {
      if (one.phase !== 'Detaching' && one.phase !== 'Lost') continue
      const said = held.saidOf(key, rightKey(one))
      if (!held.holdsRight(key, rightKey(one))) settled.ended.push(one.uid)
      // That it cannot do what it shall is no end of it: why is told of the attachment, and who asks it to go is heard.
      else if (one.phase === 'Lost' && ready && said !== null && said !== 'Detached') settled.back.push({ uid: one.uid, phase: said === 'Attached' ? said : 'Attaching' })
    }
    return settled.ended.length + settled.back.length > 0 || settled.left !== null ? [settled] : []
  })
}

/** Writes it, of each volume by itself, so that none waits for what a tenant does with another. Answers of which it could not be done now. */
export async function settleHostVolumes({ db }: { db: DatabaseClient }, session: HostSession, settled: readonly SettledVolume[]): Promise<{ busy: string[] }> {
  const busy: string[] = []
  for (const one of settled) {
    try {
      const settle = async (tx: Transaction) => {
        await tellLetGo(tx, one.uid, session.hostId, one.ended)
        await settleVolume(tx, session.hostId, one)
      }
      if (!(await writeOfConnection(db, session, settle))) return { busy: [] }
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      busy.push(one.uid)
    }
  }
  return { busy }
}
