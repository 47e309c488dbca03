import { z } from 'zod'
import type { SnapshotSubject } from '@/domain/volume-snapshot/admission'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { volumeMode } from '@/domain/volume/spec'
import { storedPhase } from '@/domain/volume/state'
import type { Database } from './database'
import { isOutOfReach } from './volume-reach'
import { countSnapshotsOf } from './volume-snapshots'

/** A volume of which a snapshot is to be taken: what decides whether it can be, and what the snapshot's row says of it. */
export type Subject = SnapshotSubject & { uid: string; tenantId: string; storeId: string; homeHostId: string | null; sizeBytes: bigint }

const volume = z.looseObject({ volumeMode, source: z.looseObject({ kind: z.string() }).optional() })
const report = z.looseObject({ attachments: z.array(z.looseObject({ paused: z.boolean() })).optional() }).catch({})
const silence = { select: { phase: true, lostAt: true } } as const

/** These volumes, by name. They are held where a snapshot of them follows. */
export async function readSubjects(db: Database, uids: readonly string[]): Promise<Subject[]> {
  const rows = await db.volume.findMany({ where: { uid: { in: [...uids] } }, include: { store: { select: { spec: true } }, host: silence, home: silence, attachments: { select: { phase: true } } }, orderBy: { name: 'asc' } })
  const snapshots = await countSnapshotsOf(db, rows.map(({ uid }) => uid))
  return rows.map(({ uid, tenantId, name, storeId, homeHostId, sizeBytes, ...row }) => {
    const store = volumeStoreSpec.parse(row.store.spec)
    const spec = volume.parse(row.spec)
    return {
      uid, tenantId, name, storeId, homeHostId, sizeBytes,
      mode: spec.volumeMode,
      store: store.kind,
      deleted: row.deletedAt !== null,
      stored: storedPhase.parse(row.storedPhase),
      reverting: row.revertTo !== null,
      // Of one that only a keeper without pods had, the next one takes over where it can shut that one out.
      hostLost: isOutOfReach(row, store) || row.attachments.some(({ phase }) => phase === 'Lost'),
      paused: (report.parse(row.report ?? {}).attachments ?? []).some(({ paused }) => paused),
      unfilled: spec.source?.kind === 'Image' && row.formatted === null,
      snapshots: snapshots.get(uid) ?? 0,
    }
  })
}

/** Holds volumes until the transaction ends, in an order that everybody takes: none is deleted, attached or brought back meanwhile. */
export const holdVolumes = (db: Database, uids: readonly string[]) => db.$queryRaw`select 1 from "Volume" where "uid" = any(${[...uids]}::uuid[]) order by "uid" for update`
