import { formatBytes } from '@/domain/shared/quantity'
import { attachmentPhase } from '@/domain/volume/attachment'
import type { DatabaseClient, Transaction } from '@/server/store/database'
import { recordOwnAudit } from '@/server/store/records'
import { tellRemoved } from '@/server/store/volume-events'
import { holdVolumeRows, insertAttachment, removeAttachment, removeVolumeRow, setAttachment, setVolumeRight } from '@/server/store/volume-writes'
import { inBriefTransaction } from '../external/brief-transaction'
import { decide, type Locked, type Write } from './decide'
import type { Action } from './plan'
import type { Read } from './read-world'

/** Writes what of a plan is still right once the volume is held, in one transaction. Returns what was written. */
export async function applyPlan(db: DatabaseClient, { world, names }: Read, actions: readonly Action[]): Promise<Write[]> {
  const { volume } = world
  if (actions.length === 0) return []
  return inBriefTransaction(db, async (tx) => {
    const rows = await holdVolumeRows(tx, volume.uid)
    if (!rows) return []
    const writes = decide(actions, volume, toLocked(rows, world.volume))
    for (const write of writes) await put(tx, volume.uid, names, write)
    // The one step that nothing takes back.
    if (writes.some((write) => write.kind === 'setVolume' && write.purging)) await recordOwnAudit(tx, { tenantId: rows.tenantId, action: 'volume.purge', kind: 'Volume', name: rows.name, detail: `${formatBytes(Number(rows.sizeBytes))}, deleted at ${rows.deletedAt?.toISOString() ?? ''}` })
    return writes
  }, { repeatable: true })
}

/** What never changes is taken from what was read. A deletion that was over then is over unless it was taken back, as another `purgeAt` says. */
function toLocked(row: NonNullable<Awaited<ReturnType<typeof holdVolumeRows>>>, { store, accessMode, due }: Read['world']['volume']): Locked {
  const { hostId, leaving, purging, revertTo, homeHostId } = row
  const volume = { hostId, leaving, purging, revertTo, homeHostId, epoch: Number(row.epoch), deleted: row.deletedAt !== null, purgeAt: row.purgeAt?.getTime() ?? null, due: due && row.deletedAt !== null, store, accessMode }
  return { volume, attachments: row.attachments.map(({ uid, podUid, phase, readOnly }) => ({ uid, podUid, readOnly, phase: attachmentPhase.parse(phase) })), declared: row.declared }
}

async function put(tx: Transaction, volumeUid: string, names: ReadonlyMap<string, string>, write: Write): Promise<unknown> {
  switch (write.kind) {
    case 'createAttachment':
      return insertAttachment(tx, { volumeUid, podUid: write.podUid, name: names.get(write.podUid) ?? '', readOnly: write.readOnly })
    case 'setAttachment':
      return setAttachment(tx, write.uid, { phase: write.phase, hostId: write.hostId, epoch: write.epoch })
    case 'removeAttachment':
      await tellRemoved(tx, write.uid)
      return removeAttachment(tx, write.uid)
    case 'setVolume':
      return setVolumeRight(tx, volumeUid, { hostId: write.hostId, epoch: write.epoch, leaving: write.leaving, purging: write.purging, fence: write.fence, homeHostId: write.homeHostId })
    case 'removeVolume':
      return removeVolumeRow(tx, volumeUid)
  }
}
