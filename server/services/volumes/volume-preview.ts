import { z } from 'zod'
import { podContainers } from '@/domain/pod/spec'
import { DomainError, notFound } from '@/domain/shared/errors'
import { formatBytes } from '@/domain/shared/quantity'
import { hotMounts } from '@/domain/volume/attachment'
import { sizeBytesOf, volumeSize } from '@/domain/volume/limits'
import type { VolumeConsequence, VolumePreview } from '@/domain/volume/preview'
import { volumeSpec } from '@/domain/volume/spec'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { holdPodForVolume } from '@/server/store/volume-attachments'
import { findVolume, readVolumeDependents, readVolumeUse, type VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { podReference } from '../pods/delete-pod'
import { listed, many, said, tried } from './tried'
import { deleteVolumeInTransaction } from './volume-deletion'
import { attachmentOf, detachInTransaction, type OfPod } from './volume-detachment'
import { volumeReference } from './volume-view'
import { growVolume, heldVolume } from './volumes'

const of = volumeReference.shape
/** Going back to a snapshot has a preview of its own. */
export const previewVolumeInput = z.discriminatedUnion('verb', [
  z.object({ ...of, verb: z.literal('delete') }),
  z.object({ ...of, verb: z.literal('detach'), pod: podReference.optional(), podUid: z.uuid().optional(), force: z.boolean().default(false) }),
  z.object({ ...of, verb: z.literal('grow'), size: volumeSize }),
], { error: 'must be delete, detach or grow' })
type Input = z.output<typeof previewVolumeInput>

/** What a verb would do, and why it would be refused. */
export async function previewVolume(ctx: ServerContext, scope: Scope, input: Input): Promise<VolumePreview> {
  const row = await findVolume(ctx.db, scope, input.name)
  if (!row) throw notFound('Volume', input.name)
  return tried(ctx, { resourceVersion: String(row.revision), consequences: (tx) => consequencesOf(tx, ctx, scope, row, input), attempt: (tx) => attempt(tx, ctx, scope, input) })
}

async function attempt(tx: Transaction, { config }: ServerContext, scope: Scope, input: Input): Promise<void> {
  if (input.verb === 'delete') await deleteVolumeInTransaction(tx, config, scope, input.name)
  else if (input.verb === 'detach') await detachInTransaction(tx, scope, input)
  else await growVolume(tx, config, scope, await heldVolume(tx, scope, input.name), input.size)
}

function consequencesOf(tx: Transaction, ctx: ServerContext, scope: Scope, row: VolumeRow, input: Input): Promise<VolumeConsequence[]> | VolumeConsequence[] {
  if (input.verb === 'delete') return ofDeletion(tx, ctx, scope, row)
  if (input.verb === 'detach') return ofDetachment(tx, scope, row, input)
  return ofGrowth(tx, ctx, scope, row, input.size)
}

async function ofDeletion(tx: Transaction, { config }: ServerContext, scope: Scope, row: VolumeRow): Promise<VolumeConsequence[]> {
  const { snapshots, schedules, pods } = await readVolumeDependents(tx, scope, row)
  const hours = config.volumeGraceMs / 3_600_000
  return [
    hours > 0 ? said(`It can be restored with all that is on it for ${many(Math.round(hours * 10) / 10, 'hour')}. After that its ${formatBytes(Number(row.sizeBytes))} are removed for good.`, true) : said(`Its ${formatBytes(Number(row.sizeBytes))} are removed for good, at once.`, true),
    ...(hours > 0 ? [said('It counts against the quota until then.')] : []),
    ...(snapshots.length > 0 ? [said(`Its ${many(snapshots.length, 'snapshot')} ${snapshots.length === 1 ? 'stays' : 'stay'}, and new volumes can be made of ${snapshots.length === 1 ? 'it' : 'them'}: ${listed(snapshots)}.`)] : []),
    ...(schedules.length > 0 ? [said(`No more snapshots of it are taken by ${listed(schedules)}.`, true)] : []),
    ...(pods.length > 0 ? [said(`Pods that name it do not start until it is restored: ${listed(pods)}.`, true)] : []),
  ]
}

async function ofDetachment(tx: Transaction, scope: Scope, row: VolumeRow, input: Extract<Input, { verb: 'detach' }>): Promise<VolumeConsequence[]> {
  const found = await attachmentOf(tx, row, input).catch((error: unknown) => {
    if (error instanceof DomainError) return null
    throw error
  })
  if (!found) return []
  const isBlock = volumeSpec.parse(row.spec).volumeMode === 'Block'
  const pod = found.pod && (await holdPodForVolume(tx, scope, found.pod))
  return [
    ...(pod && found.mounts !== null ? ofHot(found, pod.name) : []),
    ...(pod && found.mounts === null && input.force ? [said(`The pod "${pod.name}" names it in its spec, and is deleted: its ${many(podContainers(pod.spec).length, 'container')} ${podContainers(pod.spec).length === 1 ? 'gets' : 'get'} no time to end.`, true)] : []),
    ...(input.force ? ofForce(found, isBlock) : [said(isBlock ? 'What was written is on the volume before it is let go of. A process that has the device open keeps it attached, and is named.' : 'What was written is on the volume before it is let go of. A file that a process has open there keeps it attached, and is named.')]),
  ]
}

function ofHot({ mounts }: OfPod, pod: string): VolumeConsequence[] {
  const places = hotMounts.catch([]).parse(mounts).map(({ container, mountPath }) => `${mountPath} in ${container}`)
  return [said(`The pod "${pod}" goes on without ${listed(places)}.`, true)]
}

const ofForce = ({ host, phase }: OfPod, isBlock: boolean): VolumeConsequence[] => [
  said(`The guest is not asked: what it has not written out is lost, as in a power cut. ${isBlock ? 'A process that has the device open can neither read nor write it any more.' : 'The file system is checked before the volume is mounted again.'}`, true),
  said('Where the virtual machine does not give the disk back within 10 seconds, it is ended, and the pod with it.', true),
  ...(phase === 'Lost' ? [said(`The host "${host?.name ?? ''}" has not been heard of, and may have it open: nothing else gets the volume before it is shut out, or answers.`)] : []),
]

function grown({ formatted, attachments }: VolumeRow): string {
  if (formatted === null) return 'Its file system is made with that size.'
  if (formatted === 'block') return 'The device grows; what is on it is as it was.'
  return attachments.some(({ phase }) => phase === 'Attached') ? 'Its file system grows while the pod goes on.' : 'Its file system grows when it is mounted next.'
}

async function ofGrowth(tx: Transaction, { config }: ServerContext, scope: Scope, row: VolumeRow, size: string): Promise<VolumeConsequence[]> {
  const { used, limits } = await readVolumeUse(tx, scope, config.volumeQuotas)
  const [before, after] = [Number(row.sizeBytes), sizeBytesOf(size)]
  if (after <= before) return []
  return [
    said(`It grows from ${formatBytes(before)} to ${formatBytes(after)}, and cannot shrink again.`, true),
    said(grown(row)),
    said(`The tenant then has ${formatBytes(used.bytes + after - before)} of its ${formatBytes(limits.bytes)}.`),
  ]
}
