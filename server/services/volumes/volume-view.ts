import { z } from 'zod'
import { volumeReport } from '@/contracts/host/v1/volumes'
import { notFound } from '@/domain/shared/errors'
import { dnsSubdomain } from '@/domain/shared/names'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { attachmentPhase, deviceOfMount, hotMounts } from '@/domain/volume/attachment'
import { filesystemUse, lastFilesystemUse } from '@/domain/volume/filesystem-room'
import { limitsWithin } from '@/domain/volume/limits'
import { volumeSpec } from '@/domain/volume/spec'
import { formatted, storedPhase, volumePhase, volumePhaseOf } from '@/domain/volume/state'
import { waitsBehind } from '@/domain/volume/waiting'
import { volumeView, type VolumeView } from '@/domain/volume/view'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findPod } from '@/server/store/pods'
import { podNamesOf } from '@/server/store/volume-attachments'
import { isOutOfReach } from '@/server/store/volume-reach'
import { volumesOfPod } from '@/server/store/volume-references'
import { snapshotNamesOf } from '@/server/store/volume-snapshots'
import { findVolume, loadVolumes, type VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'
import { podReference } from '../pods/delete-pod'

export const volumeReference = z.object({ name: dnsSubdomain })
/** `deleted`: those that can be restored, instead of the others. `phase`: those in one of these. `madeOf`: those that were made of this snapshot. `pod`: those that it names or has, all of them at once. */
export const listVolumesInput = listObjectsInput.omit({ network: true }).extend({ deleted: z.boolean().default(false), phase: z.array(volumePhase).max(volumePhase.options.length).optional(), madeOf: dnsSubdomain.optional(), pod: podReference.optional() })
export const listVolumesOutput = pageOf(volumeView)

/** What of the keeper's last report has no column. */
const reported = volumeReport.pick({ progress: true, attachments: true }).extend({ lastUse: lastFilesystemUse.optional() }).catch({})
const formattedOr = formatted.nullable().catch(null)

type PodNames = Awaited<ReturnType<typeof podNamesOf>>
function toAttachments(row: VolumeRow, pods: PodNames, report: z.output<typeof reported>): VolumeView['status']['attachments'] {
  const { volumeMode, accessMode } = volumeSpec.parse(row.spec)
  const isBlock = volumeMode === 'Block'
  const paused = new Set((report.attachments ?? []).flatMap((one) => (one.paused ? [one.podUid] : [])))
  const placesOf = (mounts: unknown) => {
    const places = hotMounts.catch([]).parse(mounts ?? [])
    return isBlock ? { mounts: [], devices: places.map(deviceOfMount) } : { mounts: places, devices: [] }
  }
  const held = row.attachments.map(({ podUid, phase }) => ({ pod: pods.get(podUid) ?? null, phase: attachmentPhase.parse(phase) }))
  const waits = waitsBehind(accessMode, held)
  const toldOf = (phase: string, reason: string, message: string) => (phase === 'Waiting' && message === '' && waits ? waits : { reason, message })
  return row.attachments.map(({ podUid, name, readOnly, phase, host, reason, message, mounts, changedAt }) => ({ pod: pods.get(podUid) ?? null, podUid, name, hot: mounts !== null, ...placesOf(mounts), readOnly, phase: attachmentPhase.parse(phase), host: host?.name ?? null, ...toldOf(phase, reason, message), since: changedAt.toISOString(), paused: paused.has(podUid) }))
}

/** How full the file system is, as the guest of the pod that has it, or had it last, said. */
function filesystemOf(type: VolumeView['status']['formatted'], { attachments = [], lastUse }: z.output<typeof reported>): VolumeView['status']['filesystem'] {
  const use = filesystemUse(attachments)
  if (type === null || type === 'block') return null
  if (use) return { type, ...use }
  return lastUse ? { type, totalBytes: lastUse.totalBytes, usedBytes: lastUse.usedBytes, lastAt: lastUse.at } : null
}

function toStatus(row: VolumeRow, pods: PodNames): Omit<VolumeView['status'], 'conditions' | 'reverting'> {
  const report = reported.parse(row.report ?? {})
  const type = formattedOr.parse(row.formatted)
  const attachments = toAttachments(row, pods, report)
  const storedSizeBytes = row.storedSizeBytes === null ? null : Number(row.storedSizeBytes)
  return {
    phase: volumePhaseOf({ deleted: row.deletedAt !== null, stored: storedPhase.parse(row.storedPhase), hasKeeper: row.hostId !== null, hostLost: isOutOfReach(row, volumeStoreSpec.parse(row.store.spec)), reverting: row.revertTo !== null, sizeBytes: Number(row.sizeBytes), storedSizeBytes, attachments }),
    sizeBytes: Number(row.sizeBytes),
    storedBytes: row.storedBytes === null ? null : Number(row.storedBytes),
    filesystem: filesystemOf(type, report),
    formatted: type,
    storageClass: row.class.name,
    limits: limitsWithin(volumeSpec.parse(row.spec).limits, storageClassSpec.parse(row.class.spec).limits),
    store: row.store.name,
    homeHost: row.home?.name ?? null,
    host: row.host?.name ?? null,
    claim: row.claim,
    attachments,
    restorableUntil: row.purging ? null : (row.purgeAt?.toISOString() ?? null),
    progress: report.progress ?? null,
  }
}

/** A snapshot to which a volume goes back, or that is taken before, cannot be deleted meanwhile: it has a name. */
const revertingOf = ({ revertTo, revertAfter }: VolumeRow, snapshots: ReadonlyMap<string, string>): VolumeView['status']['reverting'] =>
  revertTo === null ? null : { snapshot: snapshots.get(revertTo) ?? '', keptFirst: revertAfter === null ? null : (snapshots.get(revertAfter) ?? '') }

/** Stored volumes as the API shows them. */
export async function toVolumeViews(db: Database, rows: readonly VolumeRow[]): Promise<VolumeView[]> {
  const conditions = await listConditions(db, rows.map(({ uid }) => uid))
  const pods = await podNamesOf(db, rows.flatMap(({ attachments }) => attachments.map(({ podUid }) => podUid)))
  const snapshots = await snapshotNamesOf(db, rows.flatMap(({ revertTo, revertAfter }) => [revertTo ?? [], revertAfter ?? []].flat()))
  return rows.map((row) => ({ metadata: toMetadata(row), spec: volumeSpec.parse(row.spec), status: { ...toStatus(row, pods), reverting: revertingOf(row, snapshots), conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition) } }))
}

export async function listVolumes(ctx: ServerContext, scope: Scope, { pod, phase, ...input }: z.output<typeof listVolumesInput>): Promise<z.output<typeof listVolumesOutput>> {
  if (pod) return listOfPod(ctx, scope, pod)
  const { uids, ...page } = await listPage(ctx.db, scope, 'Volume', { ...input, phases: phase })
  return { ...page, items: await toVolumeViews(ctx.db, await loadVolumes(ctx.db, scope, uids)) }
}

/** A pod has at most as many as its virtual machine has places for disks. */
async function listOfPod({ db }: ServerContext, scope: Scope, { namespace, name }: z.output<typeof podReference>): Promise<z.output<typeof listVolumesOutput>> {
  const found = await findPod(db, scope, namespace, name)
  if (!found) throw notFound('Pod', name)
  const items = await toVolumeViews(db, await loadVolumes(db, scope, await volumesOfPod(db, found.uid)))
  return { items, nextCursor: null, total: items.length }
}

/** The volume of that name, or the one that had it last and can be restored. */
export const getVolume = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof volumeReference>): Promise<VolumeView> => volumeViewOf(ctx.db, scope, name)

export async function volumeViewOf(db: Database, scope: Scope, name: string): Promise<VolumeView> {
  const row = await findVolume(db, scope, name)
  const [view] = row ? await toVolumeViews(db, [row]) : []
  if (!view) throw notFound('Volume', name)
  return view
}
