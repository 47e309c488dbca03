import type { SnapshotScheduleManifest, VolumeClaimManifest, VolumeManifest, VolumeSnapshotManifest } from '@/domain/manifest/parse'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import type { ServerContext } from '../context'
import type { Applied } from '../networks/object-lists'
import { getScheduleManifest, listScheduleManifests } from '../snapshot-schedules/schedule-view'
import { applySnapshotSchedule, deleteSnapshotScheduleInTransaction } from '../snapshot-schedules/snapshot-schedules'
import { applyVolumeClaim, deleteVolumeClaimInTransaction, getVolumeClaim, listVolumeClaims } from '../volume-claims/volume-claims'
import { getVolumeSnapshot, listVolumeSnapshots } from '../volume-snapshots/snapshot-view'
import { applyVolumeSnapshot, deleteVolumeSnapshotInTransaction } from '../volume-snapshots/volume-snapshots'
import { deleteVolumeInTransaction } from '../volumes/volume-deletion'
import { getVolume, listVolumes } from '../volumes/volume-view'
import { applyVolume } from '../volumes/volumes'
import type { Shown } from './network-objects'

/** The kinds of volumes, in manifests: each with its own use cases. */
export const volumeKinds = ['Volume', 'PersistentVolumeClaim', 'VolumeSnapshot', 'SnapshotSchedule'] as const
export type VolumeKind = (typeof volumeKinds)[number]
export const isVolumeKind = (kind: string): kind is VolumeKind => volumeKinds.some((one) => one === kind)
export type VolumeObjectManifest = VolumeManifest | VolumeClaimManifest | VolumeSnapshotManifest | SnapshotScheduleManifest

/** The tenant is held. */
export function applyVolumeObject(tx: Transaction, { config }: Pick<ServerContext, 'config'>, scope: Scope, object: VolumeObjectManifest): Promise<Applied> {
  if (object.kind === 'Volume') return applyVolume(tx, config, scope, object)
  if (object.kind === 'PersistentVolumeClaim') return applyVolumeClaim(tx, config, scope, object)
  return object.kind === 'VolumeSnapshot' ? applyVolumeSnapshot(tx, config, scope, object) : applySnapshotSchedule(tx, scope, object)
}

type Reference = { namespace: string; name: string }

export async function getVolumeObject(ctx: ServerContext, scope: Scope, kind: VolumeKind, reference: Reference): Promise<Shown> {
  if (kind === 'Volume') return getVolume(ctx, scope, reference)
  if (kind === 'PersistentVolumeClaim') return getVolumeClaim(ctx, scope, reference)
  return kind === 'VolumeSnapshot' ? getVolumeSnapshot(ctx, scope, reference) : getScheduleManifest(ctx, scope, reference)
}

type Page = { namespace?: string | undefined; limit: number; cursor?: string | undefined; labelSelector?: string | undefined }

/** A page by name; of volumes those that are not deleted. */
export function listVolumeObjects(ctx: ServerContext, scope: Scope, kind: VolumeKind, { namespace, ...page }: Page): Promise<{ items: Shown[]; nextCursor: string | null }> {
  const input = { ...page, sort: 'name' as const, descending: false }
  if (kind === 'Volume') return listVolumes(ctx, scope, { ...input, deleted: false })
  if (kind === 'PersistentVolumeClaim') return listVolumeClaims(ctx, scope, { ...input, namespace })
  return kind === 'VolumeSnapshot' ? listVolumeSnapshots(ctx, scope, input) : listScheduleManifests(ctx, scope, input)
}

export function deleteVolumeObject(tx: Transaction, { config }: Pick<ServerContext, 'config'>, scope: Scope, kind: VolumeKind, reference: Reference): Promise<{ deleting: true }> {
  if (kind === 'Volume') return deleteVolumeInTransaction(tx, config, scope, reference.name)
  if (kind === 'PersistentVolumeClaim') return deleteVolumeClaimInTransaction(tx, scope, reference)
  return kind === 'VolumeSnapshot' ? deleteVolumeSnapshotInTransaction(tx, scope, reference.name) : deleteSnapshotScheduleInTransaction(tx, scope, reference.name)
}
