import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { volumeReport, type AttachmentReport, type StoreReport, type VolumeReport } from '@/contracts/host/v1/volumes'
import { formatBytes } from '@/domain/shared/quantity'
import { notFrozen, notFrozenMessage } from '@/domain/volume-snapshot/admission'
import { isWaitReason } from '@/domain/volume-snapshot/waits'
import { volumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { tenantWords } from '@/domain/volume/store-trouble'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { filesystemUse, lastFilesystemUse, lastUseOf, roomVerdict, type RoomVerdict } from '@/domain/volume/filesystem-room'
import { storedPhase, type StoredPhase } from '@/domain/volume/state'
import { findConditionStatus, setCondition } from './conditions'
import type { Database, Transaction } from './database'
import { endLostRemoval } from './lost-removals'
import { recordEvent } from './reports'
import { tellAttached, tellVolume } from './volume-events'

/** What of a keeper's word has no column: `Volume.report`. `fenced`: the highest that any keeper said. */
export const storedVolumeReport = volumeReport.pick({ epoch: true, reason: true, message: true, progress: true, parent: true, revertedTo: true, fenced: true, attachments: true })
export type StoredVolumeReport = z.infer<typeof storedVolumeReport>
/** `lastUse`: how full its file system was when it was let go of. */
const before = storedVolumeReport.extend({ lastUse: lastFilesystemUse.optional() }).partial().catch({})
type Before = z.output<typeof before>

const readVolume = (tx: Transaction, uid: string, hostId: string) => tx.volume.findUnique({ where: { uid }, include: { attachments: { where: { hostId } }, store: { select: { spec: true } } } })
type VolumeRow = NonNullable<Awaited<ReturnType<typeof readVolume>>>
type AttachmentRow = VolumeRow['attachments'][number]

/**
 * What a host says of a volume: of its own attachments under their own numbers; of the volume itself only as its keeper under its present number. What it says that is older, or of what is another host's, changes nothing.
 * Only the gateway calls these.
 */
export async function storeVolumeReport(tx: Transaction, hostId: string, told: VolumeReport): Promise<void> {
  await tx.$queryRaw`select 1 from "Volume" where "uid" = ${told.uid}::uuid for update`
  const row = await readVolume(tx, told.uid, hostId)
  if (!row && told.phase === 'Purged') await endLostRemoval(tx, hostId, told)
  if (!row || told.phase === 'Gone') return
  const report = forTenant(told, row.store.spec)
  const known = before.parse(row.report ?? {})
  for (const said of report.attachments ?? []) {
    const attachment = row.attachments.find(({ podUid, epoch }) => podUid === said.podUid && Number(epoch) === said.epoch)
    if (attachment && (attachment.readOnly || row.hostId === hostId)) await storeAttachment(tx, row, attachment, said, known.attachments?.find(({ podUid }) => podUid === said.podUid))
  }
  await storeStored(tx, hostId, row, known, report)
}

/** As the tenant may read it: of where its store is, it is told nothing. */
function forTenant(report: VolumeReport, storeSpec: unknown): VolumeReport {
  const store = volumeStoreSpec.parse(storeSpec)
  const said = <T extends { reason: string; message: string }>(one: T): T => ({ ...one, message: tenantWords(one, store) })
  return { ...said(report), ...(report.attachments && { attachments: report.attachments.map(said) }) }
}

async function storeAttachment(tx: Transaction, volume: VolumeRow, row: AttachmentRow, said: AttachmentReport, earlier: AttachmentReport | undefined): Promise<void> {
  if (said.phase === 'Detached') return
  const comes = said.phase === 'Attached' && (row.phase === 'Attaching' || row.phase === 'Lost')
  const reason = said.phase === 'Failed' ? said.reason || 'Failed' : said.reason
  const changed = reason !== row.reason || said.message !== row.message
  if (comes || changed) await tx.volumeAttachment.update({ where: { uid: row.uid }, data: { reason, message: said.message, ...(comes ? { phase: 'Attached', changedAt: new Date() } : {}) } })
  const name = `Volume "${volume.name}"`
  if (comes && row.phase === 'Attaching') await tellAttached(tx, volume, row)
  if (said.phase === 'Failed' && changed) await tellPod(tx, row, 'Warning', reason, `${name}: ${said.message}`)
  if (said.paused && !earlier?.paused) await tellPod(tx, row, 'Warning', 'VolumePaused', `${name}: ${said.message || 'its store does not take what the pod writes'}. What the pod writes waits until it does.`)
  if (!said.paused && earlier?.paused && said.phase === 'Attached') await tellPod(tx, row, 'Normal', 'VolumeResumed', `${name} takes what the pod writes again.`)
}

async function tellPod(tx: Transaction, { podUid, tenantId }: AttachmentRow, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
  const pod = await tx.pod.findFirst({ where: { uid: podUid, tenantId }, select: { namespace: true, name: true } })
  if (pod) await recordEvent(tx, { tenantId, objectUid: podUid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type, reason, message, source: 'host' })
}

/** Whom it has shut out its keeper says under any number, all else under the present one. What was formatted once is never blank again, unless it was brought back to a time before: then it has what its snapshot has. */
async function storeStored(tx: Transaction, hostId: string, row: VolumeRow, known: Before, report: VolumeReport): Promise<void> {
  if (row.hostId !== hostId) return
  const isKeeper = Number(row.epoch) === report.epoch
  const fenced = higher(known.fenced, report.fenced && report.fenced.epoch <= Number(row.epoch) ? report.fenced : null)
  const { epoch, reason, message, progress = null, parent = false, revertedTo = null, attachments = [] } = report
  const phase = storedPhase.catch('Absent').parse(row.storedPhase)
  const isBack = isKeeper && row.revertTo !== null && row.revertTo === revertedTo
  // How full it was before it went back says nothing of what it has now.
  const lastUse = isBack ? null : lastUseOf({ use: filesystemUse(known.attachments ?? []), last: known.lastUse ?? null }, filesystemUse(attachments), new Date().toISOString())
  const said = isKeeper ? { epoch, reason, message, progress, parent, revertedTo, fenced, attachments, ...(lastUse && { lastUse }) } : { ...known, fenced }
  const next = {
    storedPhase: isKeeper ? nextPhase(phase, report, row.purging) : phase,
    storedBytes: bigger(isKeeper ? report.storedBytes : null) ?? row.storedBytes,
    storedSizeBytes: bigger(isKeeper ? report.sizeBytes : null) ?? row.storedSizeBytes,
    formatted: (isBack ? await contentAfter(tx, row) : row.formatted) ?? (isKeeper ? report.formatted : null) ?? null,
    revertTo: isBack ? null : row.revertTo,
  }
  const isNew = Object.entries(next).some(([column, value]) => value !== row[column as keyof typeof next])
  if (!isNew && isDeepStrictEqual(row.report, said)) return
  await tx.volume.update({ where: { uid: row.uid }, data: { ...next, report: said }, select: { uid: true } })
  if (next.storedPhase === 'Failed' && (phase !== 'Failed' || known.message !== message)) await tellVolume(tx, row, 'Warning', reason || 'Failed', message)
  else if (isKeeper && reason !== '' && known.reason !== reason) await tellVolume(tx, row, 'Warning', reason, message || reason)
  if (next.storedPhase === 'Ready' && phase !== 'Ready') await tellVolume(tx, row, 'Normal', 'Ready', 'It is there.')
  const room = isKeeper ? roomVerdict(filesystemUse(known.attachments ?? []), filesystemUse(attachments)) : null
  if (room) await tellRoom(tx, row, room)
  if (isKeeper && !isBack && row.storedSizeBytes !== null && (next.storedSizeBytes ?? 0n) > row.storedSizeBytes) await tellVolume(tx, row, 'Normal', 'Grown', `It has ${formatBytes(Number(next.storedSizeBytes))}, and had ${formatBytes(Number(row.storedSizeBytes))}.`)
  if (isBack) await tellVolume(tx, row, 'Normal', 'Reverted', await asOfSnapshot(tx, row))
}

async function asOfSnapshot(tx: Transaction, { revertTo }: VolumeRow): Promise<string> {
  const snapshot = revertTo === null ? null : await tx.volumeSnapshot.findUnique({ where: { uid: revertTo }, select: { name: true } })
  return snapshot ? `It is as it was when its snapshot "${snapshot.name}" was taken.` : 'It is as it was when its snapshot was taken.'
}

/** It says what it said until it has changed for good. */
async function tellRoom(tx: Transaction, row: VolumeRow, room: RoomVerdict): Promise<void> {
  if ((await findConditionStatus(tx, row.uid, room.type)) === room.status) return
  await setCondition(tx, { objectUid: row.uid, objectKind: 'Volume', observedGeneration: row.generation, ...room })
  if (room.status === 'False') await tellVolume(tx, row, 'Warning', room.reason, room.message)
}

/** A host has a volume under a higher number than its row: an operator has to decide. */
export async function recordEpochMismatch(db: Database, hostId: string, uid: string, known: number): Promise<void> {
  const [row, host] = await Promise.all([db.volume.findUnique({ where: { uid } }), db.host.findUnique({ where: { id: hostId }, select: { name: true } })])
  if (!row) return
  const message = `Host "${host?.name ?? hostId}" has it under the fencing number ${known}, and the database knows ${row.epoch} at most: the database is older than what was done since. The host is told nothing of it until an operator has made sure that no other host has it, and has raised its number (the guide of volumes says how).`
  await recordEvent(db, { tenantId: row.tenantId, objectUid: uid, objectKind: 'Volume', objectNamespace: null, objectName: row.name, type: 'Warning', reason: 'EpochMismatch', message, source: 'gateway' })
}

const bigger = (bytes: number | null | undefined): bigint | null => (bytes === null || bytes === undefined ? null : BigInt(bytes))
const higher = <T extends { epoch: number }>(a: T | null | undefined, b: T | null | undefined): T | null => (a && b ? (a.epoch >= b.epoch ? a : b) : (a ?? b ?? null))

/** What is there is not made again, and what was removed for good stays so. */
function nextPhase(phase: StoredPhase, { phase: said }: VolumeReport, purging: boolean): StoredPhase {
  if (phase === 'Purged' || said === 'Gone') return phase
  if (said === 'Purged') return purging ? 'Purged' : phase
  return said === 'Creating' && phase === 'Ready' ? phase : said
}

type Of = { spec: unknown; formatted: string | null; sourceSnapshotUid: string | null; sourceUploadId: string | null; sourceBlank: boolean }
/**
 * What a snapshot has on it. Blank only where its host saw no file system then, and nothing can stand there by what its volume was made of: what looks blank may have bytes, and a block
 * device's are nobody's to know. Null: not known.
 */
function contentOf(volume: Of | null, { formatted }: VolumeReport): string | null {
  if (formatted !== null || !volume) return formatted ?? volume?.formatted ?? null
  const isOfNothing = volume.sourceUploadId === null && (volume.sourceSnapshotUid === null || volume.sourceBlank)
  return isOfNothing && volumeSpec.parse(volume.spec).volumeMode === 'Filesystem' ? 'blank' : null
}

/** What stands on a volume that went back: what its snapshot has; what is not known of that is as it was, so that nothing is made over it. */
async function contentAfter(tx: Transaction, { revertTo, formatted }: VolumeRow): Promise<string | null> {
  const snapshot = revertTo === null ? null : await tx.volumeSnapshot.findUnique({ where: { uid: revertTo }, select: { content: true } })
  return snapshot?.content === 'blank' ? null : (snapshot?.content ?? formatted)
}

/** What a host says of a snapshot: of a volume that it keeps, or that it shall remove. */
export async function storeSnapshotReport(tx: Transaction, hostId: string, told: VolumeReport): Promise<void> {
  await tx.$queryRaw`select 1 from "VolumeSnapshot" where "uid" = ${told.uid}::uuid for update`
  const row = await tx.volumeSnapshot.findUnique({ where: { uid: told.uid }, include: { store: { select: { spec: true } }, volume: { select: { hostId: true, homeHostId: true, spec: true, formatted: true, sourceSnapshotUid: true, sourceUploadId: true, sourceBlank: true } } } })
  if (!row && told.phase === 'Purged') await endLostRemoval(tx, hostId, told)
  if (!row || (row.hostId !== hostId && row.volume?.hostId !== hostId)) return
  const report = forTenant(told, row.store.spec)
  const { phase, reason, message } = report
  const isAsked = row.phase === 'Asked' || row.phase === 'Taking'
  const storedBytes = bigger(report.storedBytes) ?? row.storedBytes
  const homeHostId = row.homeHostId ?? row.volume?.homeHostId ?? null
  if (phase === 'Purged' && row.phase === 'Deleting') await tx.volumeSnapshot.delete({ where: { uid: row.uid }, select: { uid: true } })
  else if (phase === 'Purged' && row.phase === 'Failed' && row.remains) await tx.volumeSnapshot.update({ where: { uid: row.uid }, data: { remains: false, hostId: null }, select: { uid: true } })
  else if (phase === 'Creating' && isAsked) await tellWhyNot(tx, row, report)
  else if (phase === 'Ready' && isAsked) {
    const { takenAt, consistency = null, stallMs = null, sizeBytes } = report
    const content = contentOf(row.volume, report)
    const less = isLessConsistent(row, report) ? { reason: notFrozen, message: notFrozenMessage(report.reason === notFrozen ? message : '') } : { reason: '', message: '' }
    if (less.reason !== '' && !row.hidden) await recordEvent(tx, { ...eventOf(row), ...less })
    await tx.volumeSnapshot.update({ where: { uid: row.uid }, data: { phase, ...less, takenAt: between(row.createdAt, takenAt ? new Date(takenAt) : new Date()), consistency, stallMs, storedBytes, content, homeHostId, sizeBytes: bigger(sizeBytes) ?? row.sizeBytes } })
    if (content === 'blank') await tx.volume.updateMany({ where: { sourceSnapshotUid: row.uid }, data: { sourceBlank: true } })
  } else if (phase === 'Ready' && row.phase === 'Ready' && storedBytes !== row.storedBytes) await tx.volumeSnapshot.update({ where: { uid: row.uid }, data: { storedBytes } })
  else if (phase === 'Failed' && (isAsked || row.phase === 'Deleting') && (isAsked || row.message !== message)) {
    await tx.volumeSnapshot.update({ where: { uid: row.uid }, data: { ...(isAsked ? { phase, homeHostId } : {}), reason: reason || 'Failed', message } })
    if (!row.hidden) await recordEvent(tx, { ...eventOf(row), reason: reason || 'Failed', message })
  }
}

/** Why it is not taken yet. Of what its controller says that it waits for a host knows nothing. */
async function tellWhyNot(tx: Transaction, row: { uid: string; tenantId: string; name: string; hidden: boolean; reason: string; message: string }, { reason, message }: VolumeReport): Promise<void> {
  if ((reason === '' && isWaitReason(row.reason)) || (reason === row.reason && message === row.message)) return
  await tx.volumeSnapshot.update({ where: { uid: row.uid }, data: { reason, message }, select: { uid: true } })
  if (!row.hidden && reason !== '' && reason !== row.reason) await recordEvent(tx, { ...eventOf(row), reason, message })
}

const eventOf = ({ tenantId, uid, name }: { tenantId: string; uid: string; name: string }) => ({ tenantId, objectUid: uid, objectKind: 'VolumeSnapshot', objectNamespace: null, objectName: name, type: 'Warning', source: 'host' }) as const

/** Somebody wrote to its file system, whose guest was asked to stand still and did not. Where nobody had it open there was nothing to hold. */
function isLessConsistent({ spec, volume }: { spec: unknown; volume: Of | null }, { consistency, stallMs }: VolumeReport): boolean {
  const asked = volumeSnapshotSpec.safeParse(spec).data?.consistency
  return asked === 'FilesystemConsistent' && consistency === 'CrashConsistent' && (stallMs ?? 0) > 0 && volume !== null && volumeSpec.parse(volume.spec).volumeMode === 'Filesystem'
}

/** A moment as a host says it, whose clock may be anywhere: not before it was asked for, and not in time to come. Retention goes by the order of these. */
const between = (askedAt: Date, said: Date): Date => new Date(Math.max(askedAt.getTime(), Math.min(said.getTime(), Date.now())))

/** Whether a host reaches stores, and how full they are; of a store that is not there any more nothing is written. */
export async function storeStoreReports(db: Database, hostId: string, reports: readonly StoreReport[]): Promise<void> {
  if (reports.length === 0) return
  await db.$executeRaw`
    insert into "VolumeStoreHost" ("storeId", "hostId", "reachable", "message", "totalBytes", "freeBytes", "updatedAt")
    select s."uid", ${hostId}::uuid, g."reachable", g."message", g."totalBytes", g."freeBytes", now()
    from jsonb_to_recordset(${JSON.stringify(reports)}::jsonb) as g("uid" uuid, "reachable" boolean, "message" text, "totalBytes" bigint, "freeBytes" bigint) join "VolumeStore" s on s."uid" = g."uid" order by s."uid" for key share of s
    on conflict ("storeId", "hostId") do update set "reachable" = excluded."reachable", "message" = excluded."message", "totalBytes" = excluded."totalBytes", "freeBytes" = excluded."freeBytes", "updatedAt" = now()`
}
