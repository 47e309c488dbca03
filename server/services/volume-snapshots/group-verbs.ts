import { createHash } from 'node:crypto'
import { z } from 'zod'
import { DomainError } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { VolumePreview } from '@/domain/volume/preview'
import { volumeSpec } from '@/domain/volume/spec'
import { volumeView, type VolumeView } from '@/domain/volume/view'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { findSnapshotGroup, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import { findVolume, isVolumeNameTaken, loadVolumes } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { once } from '../idempotency'
import { holdTenant, refusedAt, requestId, resourceVersion } from '../networks/object-lists'
import { tried } from '../volumes/tried'
import { revertInTransaction } from '../volumes/volume-revert'
import { toVolumeViews, volumeViewOf } from '../volumes/volume-view'
import { insertNewVolume } from '../volumes/volumes'
import { consequencesOfClones, consequencesOfGroupDeletion, consequencesOfGroupRevert, nameOfSource } from './group-consequences'
import { deleteVolumeSnapshotInTransaction } from './volume-snapshots'

const reference = z.object({ group: z.uuid() })
const keepCurrent = z.boolean().default(true)
/** Each new volume is called by its source's name and this. */
const suffix = dnsLabel
/** As for one volume: `keepCurrent`: a snapshot of what each has now is taken first. */
export const revertGroupInput = reference.extend({ keepCurrent, resourceVersion })
export const cloneGroupInput = reference.extend({ suffix, requestId })
export const deleteGroupInput = reference.extend({ resourceVersion })
export const previewGroupInput = z.discriminatedUnion('verb', [reference.extend({ verb: z.literal('revert'), keepCurrent }), reference.extend({ verb: z.literal('clone'), suffix }), reference.extend({ verb: z.literal('delete') })], { error: 'must be revert, clone or delete' })
export const groupVolumesOutput = z.object({ items: z.array(volumeView) })
type Volumes = z.output<typeof groupVolumesOutput>
type Settings = Pick<Config, 'volumeQuotas'>

/** The snapshots of one instant that are there, with a volume or without. */
async function membersOf(tx: Transaction, scope: Scope, group: string): Promise<VolumeSnapshotRow[]> {
  const rows = await findSnapshotGroup(tx, scope, group)
  if (rows.length === 0) throw new DomainError('not_found', `There is no snapshot of the group "${group}": they were deleted, or never existed.`)
  return rows
}

/** The revisions of several objects as one: it changes when any of them does. */
const revisionOf = (objects: readonly { uid: string; revision: bigint }[]): string => createHash('sha256').update(objects.map(({ uid, revision }) => `${uid} ${revision}`).sort().join('\n')).digest('hex').slice(0, 32)

async function volumesOf(tx: Transaction, scope: Scope, members: readonly VolumeSnapshotRow[]) {
  return loadVolumes(tx, scope, members.flatMap(({ volume }) => (volume ? [volume.uid] : [])))
}

function checkSeen(seen: string | undefined, objects: readonly { uid: string; revision: bigint }[]): void {
  if (seen !== undefined && seen !== revisionOf(objects)) throw new DomainError('conflict', 'Something of the group was changed meanwhile: look at what follows now, and ask for it again.')
}

/** What would be done to all snapshots of one instant, and why it would be refused. */
export async function previewGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof previewGroupInput>): Promise<VolumePreview> {
  const members = await membersOf(ctx.db, scope, input.group)
  switch (input.verb) {
    case 'revert': {
      const volumes = await volumesOf(ctx.db, scope, members)
      return tried(ctx, { resourceVersion: revisionOf(volumes), consequences: (tx) => consequencesOfGroupRevert(tx, members, volumes, input.keepCurrent), attempt: (tx) => revertMembers(tx, ctx.config, scope, input) })
    }
    case 'clone':
      return tried(ctx, { resourceVersion: revisionOf(members), consequences: (tx) => consequencesOfClones(tx, ctx.config, scope, members, input.suffix), attempt: (tx) => cloneMembers(tx, ctx.config, scope, input) })
    case 'delete':
      return tried(ctx, { resourceVersion: revisionOf(members), consequences: (tx) => consequencesOfGroupDeletion(tx, scope, members), attempt: (tx) => deleteMembers(tx, scope, input) })
  }
}

/** Lets all volumes of a group go back to it: all of them, or none. One that is gone, or deleted and not restored, is left out. */
export function revertGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof revertGroupInput>): Promise<Volumes> {
  return inTransaction(ctx.db, async (tx) => {
    const uids = await revertMembers(tx, ctx.config, scope, input)
    return { items: await toVolumeViews(tx, await loadVolumes(tx, scope, uids)) }
  }, { repeatable: true })
}

async function revertMembers(tx: Transaction, settings: Settings, scope: Scope, { group, keepCurrent, resourceVersion }: z.output<typeof revertGroupInput>): Promise<string[]> {
  await holdTenant(tx, scope)
  const members = await membersOf(tx, scope, group)
  checkSeen(resourceVersion, await volumesOf(tx, scope, members))
  const there = members.flatMap(({ name, volume }) => (volume && volume.deletedAt === null ? [{ name, volume }] : []))
  if (there.length === 0) throw new DomainError('failed_precondition', 'The volumes of these snapshots are gone or deleted, and nothing can go back to them: restore those that can be restored, or make new volumes of them.')
  for (const { name, volume } of there) await revertInTransaction(tx, settings, scope, { name: volume.name, uid: volume.uid, snapshot: name, keepCurrent })
  return there.map(({ volume }) => volume.uid)
}

/** Makes a new volume of each snapshot of a group: of all of them, or of none. */
export function cloneGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof cloneGroupInput>): Promise<Volumes> {
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId: input.requestId, procedure: 'volumeSnapshot.cloneGroup', input, output: groupVolumesOutput }, async () => {
    const items: VolumeView[] = []
    for (const name of await cloneMembers(tx, ctx.config, scope, input)) items.push(await volumeViewOf(tx, scope, name))
    return { items }
  }), { repeatable: true })
}

async function cloneMembers(tx: Transaction, settings: Settings, scope: Scope, { group, suffix }: Pick<z.output<typeof cloneGroupInput>, 'group' | 'suffix'>): Promise<string[]> {
  await holdTenant(tx, scope)
  const names: string[] = []
  for (const member of await membersOf(tx, scope, group)) {
    const name = dnsSubdomain.safeParse(`${nameOfSource(member)}-${suffix}`)
    if (!name.success) throw refusedAt('suffix', `makes the name of the copy of "${nameOfSource(member)}" too long: choose a shorter one`, 'invalid_input')
    if (await isVolumeNameTaken(tx, scope, name.data)) throw refusedAt('suffix', `a volume "${name.data}" exists: choose another one`)
    await insertNewVolume(tx, settings, scope, { name: name.data, labels: {}, annotations: {}, spec: await specOfCopy(tx, scope, member) })
    names.push(name.data)
  }
  return names
}

/** As large as the snapshot, and as its volume in class and mode where that is there. */
async function specOfCopy(tx: Transaction, scope: Scope, { name, content, sizeBytes, volume }: VolumeSnapshotRow) {
  const source = volume && (await findVolume(tx, scope, volume.name, volume.uid))
  const isBlock = content === 'block' || (source !== null && volumeSpec.parse(source.spec).volumeMode === 'Block')
  return volumeSpec.parse({ size: `${sizeBytes >> 20n}Mi`, ...(source && { storageClassName: source.class.name }), volumeMode: isBlock ? 'Block' : 'Filesystem', source: { kind: 'Snapshot', name } })
}

/** Deletes all snapshots of a group for good: all of them, or none. */
export function deleteGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof deleteGroupInput>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, async (tx) => {
    await deleteMembers(tx, scope, input)
    return { deleting: true as const }
  }, { repeatable: true })
}

async function deleteMembers(tx: Transaction, scope: Scope, { group, resourceVersion }: z.output<typeof deleteGroupInput>): Promise<void> {
  await holdTenant(tx, scope)
  const members = await membersOf(tx, scope, group)
  checkSeen(resourceVersion, members)
  for (const { name } of members) await deleteVolumeSnapshotInTransaction(tx, scope, name)
}
