import { randomUUID } from 'node:crypto'
import { formatBytes } from '@/domain/shared/quantity'
import { snapshotRefusal } from '@/domain/volume-snapshot/admission'
import type { VolumeSource, VolumeSpec } from '@/domain/volume/spec'
import { formattedAs } from '@/domain/volume/state'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { findSourceSnapshot, findSourceUpload, findVolume, holdVolume, insertHiddenSnapshot, type StoredClass, type VolumeRow } from '@/server/store/volumes'
import { refusedAt } from '../networks/object-lists'

/** What a new volume's row says of what it is made of, whether that is known to be blank, and on whose disk it lies. */
export type Made = { sourceSnapshotUid: string | null; sourceUploadId: string | null; sourceBlank: boolean; homeHostId: string | null }
const ofNothing: Made = { sourceSnapshotUid: null, sourceUploadId: null, sourceBlank: false, homeHostId: null }

type Wanted = { spec: VolumeSpec; sizeBytes: bigint; class: StoredClass }

/** Finds what a volume shall be made of, and refuses what could not be; a clone's snapshot is asked for with it. */
export async function findSource(tx: Transaction, scope: Scope, wanted: Wanted): Promise<Made> {
  const { source } = wanted.spec
  switch (source.kind) {
    case 'Blank':
      return ofNothing
    case 'Snapshot':
      return ofSnapshot(tx, scope, wanted, source)
    case 'Volume':
      return ofVolume(tx, scope, wanted, source)
    case 'Upload':
      return ofUpload(tx, scope, wanted, source)
    case 'Image':
      // Its files come into it with the first pod that writes to it: how many they are is known then.
      if (wanted.spec.accessMode === 'ReadOnlyMany') throw refusedAt('spec.accessMode', 'is ReadOnlyMany, and the files of an image come into a volume with the first pod that writes to it: make it ReadWriteOnce, and clone it for readers', 'invalid_input')
      return ofNothing
  }
}

type Of<K extends VolumeSource['kind']> = Extract<VolumeSource, { kind: K }>

async function ofSnapshot(tx: Transaction, scope: Scope, wanted: Wanted, { name }: Of<'Snapshot'>): Promise<Made> {
  const found = await findSourceSnapshot(tx, scope, name)
  if (!found) throw refusedAt('spec.source.name', `there is no snapshot "${name}": name another one`, 'invalid_input')
  if (found.deletedAt) throw refusedAt('spec.source.name', `the snapshot "${name}" is being deleted: name another one`)
  if (found.phase !== 'Ready') throw refusedAt('spec.source.name', found.phase === 'Failed' ? `the snapshot "${name}" could not be taken: name another one` : `the snapshot "${name}" is not taken yet: wait until it is Ready`)
  checkSize(wanted, found.sizeBytes, `the snapshot "${name}"`)
  checkStore(wanted, found.storeId, found.store.name, `the snapshot "${name}"`)
  checkReaders(wanted, found.content === 'blank', `the snapshot "${name}"`)
  checkFilesystem(wanted, formattedAs(found.content), `the snapshot "${name}"`)
  return { ...ofNothing, sourceSnapshotUid: found.uid, sourceBlank: found.content === 'blank', homeHostId: found.homeHostId }
}

async function ofVolume(tx: Transaction, scope: Scope, wanted: Wanted, { name }: Of<'Volume'>): Promise<Made> {
  const seen = await findVolume(tx, scope, name)
  if (seen) await holdVolume(tx, seen.uid)
  const found = seen && (await findVolume(tx, scope, name, seen.uid))
  if (!found) throw refusedAt('spec.source.name', `there is no volume "${name}": name another one`, 'invalid_input')
  await checkState(tx, found)
  checkSize(wanted, found.sizeBytes, `the volume "${name}"`)
  checkStore(wanted, found.storeId, found.store.name, `the volume "${name}"`)
  checkContent(wanted, found)
  const snapshot = await insertHiddenSnapshot(tx, scope, found, `clone-${randomUUID()}`)
  return { ...ofNothing, sourceSnapshotUid: snapshot.uid, homeHostId: found.homeHostId }
}

/** A clone is made of a snapshot that is taken for it: what no snapshot can be taken of, nothing is cloned of. */
async function checkState(tx: Transaction, { uid }: VolumeRow): Promise<void> {
  const [subject] = await readSubjects(tx, [uid])
  const refusal = subject ? snapshotRefusal(subject) : null
  if (refusal !== null) throw refusedAt('spec.source.name', `is cloned of a snapshot of it: ${refusal}`)
}

async function ofUpload(tx: Transaction, scope: Scope, wanted: Wanted, { uploadId }: Of<'Upload'>): Promise<Made> {
  const found = await findSourceUpload(tx, scope, uploadId)
  if (!found) throw refusedAt('spec.source.uploadId', 'there is no such upload, or it was kept for a day and no volume was made of it: send it again', 'invalid_input')
  checkSize(wanted, found.virtualBytes, 'the upload')
  return { ...ofNothing, sourceUploadId: found.id }
}

export function checkSize({ spec, sizeBytes }: Pick<Wanted, 'spec' | 'sizeBytes'>, least: bigint, what: string): void {
  if (sizeBytes < least) throw refusedAt('spec.size', `is ${spec.size}, and ${what} has ${formatBytes(Number(least))} (${least} bytes): ask for at least as much`, 'invalid_input')
}

function checkStore({ class: { name, storeId, store } }: Wanted, sourceStore: string, sourceStoreName: string, what: string): void {
  if (storeId !== sourceStore) throw refusedAt('spec.storageClassName', `"${name}" keeps volumes in the store "${store.name}", and ${what} lies in "${sourceStoreName}": name a class of that store`, 'invalid_input')
}

/** A file system is made by a pod that writes. */
function checkReaders({ spec }: Wanted, isBlank: boolean, what: string): void {
  if (isBlank && spec.accessMode === 'ReadOnlyMany' && spec.volumeMode === 'Filesystem') throw refusedAt('spec.accessMode', `is ReadOnlyMany, and ${what} is blank, so that there is nothing to read: make it ReadWriteOnce, or name another source`, 'invalid_input')
}

/** A copy has the file system that is there. `there`: null where that is not known, or none. */
function checkFilesystem({ spec }: Pick<Wanted, 'spec'>, there: VolumeSpec['fsType'] | null, what: string): void {
  if (there && spec.fsType !== undefined && spec.fsType !== there) throw refusedAt('spec.fsType', `is ${spec.fsType}, and ${what} has ${there}: leave it out`, 'invalid_input')
}

function checkContent(wanted: Wanted, { name, formatted }: VolumeRow): void {
  const { spec } = wanted
  if (formatted === null) return checkReaders(wanted, true, `the volume "${name}"`)
  checkFilesystem(wanted, formattedAs(formatted), `the volume "${name}"`)
  if ((formatted === 'block') !== (spec.volumeMode === 'Block')) throw refusedAt('spec.volumeMode', `is ${spec.volumeMode}, and the volume "${name}" is ${formatted === 'block' ? 'a block device' : `a file system (${formatted})`}: make it ${formatted === 'block' ? 'Block' : 'Filesystem'}`, 'invalid_input')
}
