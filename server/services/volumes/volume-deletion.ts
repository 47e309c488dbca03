import { z } from 'zod'
import { DomainError } from '@/domain/shared/errors'
import { dnsSubdomain } from '@/domain/shared/names'
import { formatBytes } from '@/domain/shared/quantity'
import type { VolumeView } from '@/domain/volume/view'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { podNamesOf } from '@/server/store/volume-attachments'
import { isVolumeNameTaken, markVolumeDeleted, markVolumeRestored, type VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { checkRevision, holdTenant, nameTaken, resourceVersion } from '../networks/object-lists'
import { volumeReference, volumeViewOf } from './volume-view'
import { heldVolume } from './volumes'

export const deleteVolumeInput = volumeReference.extend({ resourceVersion })
/** Several that are deleted may have had one name: without `uid`, the one that was deleted last. `newName`: where another has its name by now. */
export const restoreVolumeInput = volumeReference.extend({ uid: z.uuid().optional(), newName: dnsSubdomain.optional() })

/** Deletes a volume that no pod has: until its time is over it can be restored. Said again it changes nothing. */
export function removeVolume(ctx: ServerContext, scope: Scope, { name, resourceVersion }: z.output<typeof deleteVolumeInput>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await deleteVolumeInTransaction(tx, ctx.config, scope, name, resourceVersion)
    return volumeViewOf(tx, scope, name)
  }, { repeatable: true })
}

export async function deleteVolumeInTransaction(tx: Transaction, { volumeGraceMs }: Pick<Config, 'volumeGraceMs'>, scope: Scope, name: string, resourceVersion?: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await heldVolume(tx, scope, name)
  if (row.deletedAt) return { deleting: true }
  checkRevision('Volume', row, resourceVersion)
  if (row.claim) throw new DomainError('failed_precondition', `The volume "${name}" is the one of the PersistentVolumeClaim "${row.claim.name}" in namespace "${row.claim.namespace}": delete the claim, and its storage class says what becomes of the volume.`)
  if (row.attachments.length > 0) throw new DomainError('failed_precondition', inUse(row, await podNamesOf(tx, row.attachments.map(({ podUid }) => podUid))))
  await markVolumeDeleted(tx, scope, row.uid, volumeGraceMs)
  await recordAudit(tx, scope, { action: 'volume.delete', kind: 'Volume', name, detail: formatBytes(Number(row.sizeBytes)) })
  return { deleting: true }
}

/** Who has it, three of them by name. */
function inUse({ name, attachments }: VolumeRow, pods: Awaited<ReturnType<typeof podNamesOf>>): string {
  const users = attachments.map(({ podUid, host }) => {
    const pod = pods.get(podUid)
    return pod ? `the pod "${pod.name}" in namespace "${pod.namespace}"` : `a pod that is gone, of which the host "${host?.name ?? ''}" has not let go yet`
  })
  const more = users.length > 3 ? ` and ${users.length - 3} more` : ''
  return `The volume "${name}" cannot be deleted while it is used by ${users.slice(0, 3).join(', ')}${more}: delete what uses it first, or detach the volume there.`
}

/** Takes a deletion back: all bytes are there as they were. */
export function restoreVolume(ctx: ServerContext, scope: Scope, { name, uid, newName = name }: z.output<typeof restoreVolumeInput>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const taken = await isVolumeNameTaken(tx, scope, newName)
    const row = await heldVolume(tx, scope, name, uid)
    if (!row.deletedAt) throw new DomainError('failed_precondition', `The volume "${name}" is not deleted${uid === undefined ? ': to restore an earlier one of this name, name its uid' : ''}.`)
    if (row.purging) throw new DomainError('gone', `The volume "${name}" is being removed for good: it could be restored until ${row.purgeAt?.toISOString() ?? 'then'}.`)
    if (taken) throw nameTaken('volume', newName)
    await markVolumeRestored(tx, scope, row.uid, newName)
    await recordAudit(tx, scope, { action: 'volume.restore', kind: 'Volume', name, detail: newName === name ? '' : `called ${newName}` })
    return volumeViewOf(tx, scope, newName)
  }, { repeatable: true })
}
