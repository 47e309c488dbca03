import { Prisma } from '@/generated/prisma/client'
import type { Transaction } from './database'

/** A volume's rows, held until the transaction ends: no attachment, deletion or report of it comes meanwhile. Null: it is gone. */
export async function holdVolumeRows(tx: Transaction, uid: string) {
  const held = await tx.$queryRaw<unknown[]>`select 1 from "Volume" where "uid" = ${uid}::uuid for update`
  if (held.length === 0) return null
  const row = await tx.volume.findUniqueOrThrow({ where: { uid }, select: { tenantId: true, name: true, sizeBytes: true, epoch: true, hostId: true, leaving: true, deletedAt: true, purgeAt: true, purging: true, revertTo: true, homeHostId: true, attachments: { select: { uid: true, podUid: true, phase: true, readOnly: true } } } })
  // Of a host that is declared lost nothing is heard, so that its row is nobody's to wait for; readmitted it may be meanwhile.
  const declared = row.hostId === null ? [] : await tx.$queryRaw<unknown[]>`select 1 from "Host" where "id" = ${row.hostId}::uuid and "lostAt" is not null for share`
  return { ...row, declared: declared.length > 0 }
}

/** A pod asks for a volume; nothing where the pod is gone, or asks already. */
export const insertAttachment = (tx: Transaction, wish: { volumeUid: string; podUid: string; name: string; readOnly: boolean }): Promise<number> => tx.$executeRaw`
  insert into "VolumeAttachment" ("uid", "volumeUid", "podUid", "tenantId", "name", "readOnly")
  select gen_random_uuid(), ${wish.volumeUid}::uuid, p."uid", p."tenantId", ${wish.name}, ${wish.readOnly} from "Pod" p where p."uid" = ${wish.podUid}::uuid for key share
  on conflict ("volumeUid", "podUid") do nothing`

/** What becomes of an attachment; why it is so is told anew in its next phase. */
export const setAttachment = async (tx: Transaction, uid: string, { epoch, ...set }: { phase: string; hostId?: string | undefined; epoch?: number | undefined }): Promise<number> =>
  (await tx.volumeAttachment.updateMany({ where: { uid }, data: { ...set, ...(epoch === undefined ? {} : { epoch: BigInt(epoch) }), reason: '', message: '', changedAt: new Date() } })).count

export const removeAttachment = async (tx: Transaction, uid: string): Promise<number> => (await tx.volumeAttachment.deleteMany({ where: { uid } })).count

type VolumeRight = { hostId?: string | undefined; epoch?: number | undefined; leaving?: boolean | undefined; purging?: true | undefined; fence?: { hostId: string; epoch: number } | null | undefined; homeHostId?: string | undefined }
/** Who may open a volume, and whether it is about to go. Only the volume controller calls this. */
export const setVolumeRight = async (tx: Transaction, uid: string, { epoch, fence, ...set }: VolumeRight): Promise<number> =>
  (await tx.volume.updateMany({ where: { uid }, data: { ...set, ...(epoch === undefined ? {} : { epoch: BigInt(epoch) }), ...(fence === undefined ? {} : { fence: fence ?? Prisma.DbNull }) } })).count

/**
 * Its row goes, once nothing of it is left in its store, or while the host on whose disk it lies is declared lost: a trigger remembers it for that host then. One that was readmitted meanwhile has it still, and is told to remove it.
 * Returns whether it went.
 */
export async function removeVolumeRow(tx: Transaction, uid: string): Promise<boolean> {
  // Held, so that it is readmitted before this, or finds what is remembered.
  const lost = await tx.$queryRaw<{ id: string }[]>`select h."id" from "Host" h join "Volume" v on v."homeHostId" = h."id" where v."uid" = ${uid}::uuid and h."lostAt" is not null for share of h`
  return (await tx.volume.deleteMany({ where: { uid, OR: [{ homeHostId: null }, { homeHostId: { in: lost.map(({ id }) => id) } }, { epoch: 0n }, { storedPhase: 'Purged' }] } })).count === 1
}
