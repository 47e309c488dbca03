import { isWaitReason } from '@/domain/volume-snapshot/waits'
import type { Change } from '@/server/store/change-feed'
import type { DatabaseClient, Transaction } from '@/server/store/database'
import { recordEvent } from '@/server/store/reports'
import { deleteOthersOfGroup, dropSnapshot, endedGroup, holdSnapshotFacts, listRemovers, listSnapshotsOfVolume, listUnsettledSnapshots, setSnapshotPhase } from '@/server/store/snapshot-control'
import { isSilent } from '@/server/store/volume-reach'
import { isMade } from '@/server/store/volume-state'
import { markVolumeSnapshotDeleted } from '@/server/store/volume-snapshots'
import type { Controller } from '../../../runtime/controller'
import { inBriefTransaction } from '../../external/brief-transaction'
import { planSnapshot, waitOf, type WaitedHost, type SnapshotPlan, type Unmade } from './plan'

/** Keys are `snapshot:<uid>`; `volume:<uid>` are those of a volume, or that it is made of, for which there may be something to do, `tenant:<id>` those of a tenant, `all:` those of all. The keepers of their volumes take and remove them. */
export const snapshotController: Controller = {
  name: 'volume-snapshots',
  workers: 2,
  resyncSeconds: 30,
  keysOf,
  allKeys: async ({ db }) => (await listUnsettledSnapshots(db)).map(snapshotKey),
  reconcile: async ({ db }, key) => {
    const at = key.indexOf(':')
    const [kind, id] = [key.slice(0, at), key.slice(at + 1)]
    if (kind === 'snapshot') return reconcileSnapshot(db, id)
    if (kind === 'volume') return (await listSnapshotsOfVolume(db, id)).map(snapshotKey)
    return (await listUnsettledSnapshots(db, id === '' ? undefined : id)).map(snapshotKey)
  },
}

const snapshotKey = (uid: string): string => `snapshot:${uid}`

/** Of a volume, that it has a keeper, is made, or is gone; of a host, that it may remove something. */
function keysOf({ kind, action, uid, tenantId }: Change): string[] {
  if (kind === 'VolumeSnapshot') return action === 'deleted' ? [] : [snapshotKey(uid)]
  // Of one that is gone nothing says any more which those were.
  if (kind === 'Volume') return action !== 'deleted' ? [`volume:${uid}`] : tenantId === null ? [] : [`tenant:${tenantId}`]
  return kind === 'Host' || kind === 'VolumeStore' ? ['all:'] : []
}

const gone = { reason: 'VolumeGone', message: 'Its volume was removed for good before the snapshot was taken.' }
const apart = { reason: 'VolumesApart', message: 'The volumes of which it was to be taken at one instant are not on one host any more: take it again.' }
type Facts = NonNullable<Awaited<ReturnType<typeof holdSnapshotFacts>>>

function reconcileSnapshot(db: DatabaseClient, uid: string): Promise<void> {
  return inBriefTransaction(db, async (tx) => {
    const row = await holdSnapshotFacts(tx, uid)
    if (!row) return
    if (row.phase === 'Failed' && row.groupUid !== null) await giveGroupUp(tx, row, row.groupUid)
    const { phase, hidden, home, host, volume } = row
    const hosts = volume && volume.hostId !== null ? [] : await listRemovers(tx, row.storeId)
    const plan = planSnapshot({
      phase, hidden, remains: row.remains, apart: row.isApart, deleted: row.deletedAt !== null, needed: row.needer !== null, volume: volume && { kept: volume.hostId !== null && !volume.leaving && volume.storedPhase === 'Ready', made: isMade(volume) },
      home: home && { id: home.id, declared: home.lostAt !== null }, remover: host && { id: host.id, ready: hosts.includes(host.id) }, hosts,
    })
    await carryOut(tx, row, plan)
    if (plan.kind === 'nothing') await tellWait(tx, row, hosts)
  }, { repeatable: true })
}

const waited = (host: Facts['home']): WaitedHost | null => host && { name: host.name, silent: isSilent(host) }
const unmade = (volume: Facts['volume']): Unmade | null => (volume === null || isMade(volume) ? null : { name: volume.name, deleted: volume.deletedAt !== null, failed: volume.storedPhase === 'Failed' })
/** Says for whom it waits, and no more once it does not. */
async function tellWait(tx: Transaction, { uid, phase, reason, message, volume, home, store }: Facts, hosts: readonly string[]): Promise<void> {
  const wait = waitOf({ phase, hasVolume: volume !== null, unmade: unmade(volume), read: (volume?.attachments.length ?? 0) > 0, keeper: waited(volume?.host ?? null), home: waited(home), store: store.name, hosts })
  if (wait ? wait.reason === reason && wait.message === message : !isWaitReason(reason)) return
  await setSnapshotPhase(tx, uid, { phase, ...(wait ?? { reason: '', message: '' }) })
}

async function carryOut(tx: Transaction, { uid, phase, reason, volume }: Facts, plan: SnapshotPlan): Promise<void> {
  switch (plan.kind) {
    case 'nothing':
      return
    case 'take':
      // What it was asked of may have been made since, or have grown before it was.
      return void (await setSnapshotPhase(tx, uid, { phase: 'Taking', ...(isWaitReason(reason) && { reason: '', message: '' }), ...(volume && { homeHostId: volume.homeHostId, sizeBytes: volume.sizeBytes }) }))
    case 'fail':
      return void (await setSnapshotPhase(tx, uid, { phase: 'Failed', ...(volume ? apart : gone) }))
    case 'delete':
      return void (await markVolumeSnapshotDeleted(tx, uid))
    case 'drop':
      return void (await dropSnapshot(tx, uid))
    case 'remove':
      return void (await setSnapshotPhase(tx, uid, { phase: 'Deleting', ...(phase !== 'Deleting' && { reason: '', message: '' }), ...(plan.by === null ? {} : { hostId: plan.by }) }))
    case 'clear':
      return void (await setSnapshotPhase(tx, uid, { phase, hostId: plan.by }))
  }
}

/** Of a group, all are of one instant, or none is there. What is Ready goes with a failure that is new alone: once a group stood with it, or was given up, only what may still come is. */
async function giveGroupUp(tx: Transaction, { uid, name, message, endsGroup }: Facts, groupUid: string): Promise<void> {
  for (const other of await deleteOthersOfGroup(tx, groupUid, { but: uid, ready: endsGroup })) {
    await recordEvent(tx, { tenantId: other.tenantId, objectUid: other.uid, objectKind: 'VolumeSnapshot', objectNamespace: null, objectName: other.name, type: 'Warning', reason: 'GroupFailed', source: 'volume', message: `It is removed: the snapshot "${name}", which was to be of the same instant, could not be taken${message === '' ? '' : ` (${message})`}.` })
  }
  if (endsGroup) await endedGroup(tx, uid)
}
