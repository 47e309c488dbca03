import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { formatBytes } from '@/domain/shared/quantity'
import { isQcow2, readArchive, readQcow2, type VolumeArchive } from '@/domain/volume/archive'
import { maxVolumeBytes } from '@/domain/volume/limits'
import { volumeSpec } from '@/domain/volume/spec'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { findVolumeUpload, insertVolumeUpload, listVolumeUploads, removeSpentUploads, removeVolumeUpload, sumVolumeUploads, volumesMadeOf } from '@/server/store/volume-uploads'
import { isVolumeNameTaken, readVolumeUse } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { oneMore } from '../images/under-way'
import { receiveFile, uploadPath, type ReceivedFile, type UploadKind } from '../images/upload-files'
import { holdTenant, nameTaken } from '../networks/object-lists'
import { createVolumeInput, insertNewVolume } from './volumes'

export const volumeUploadView = z.object({
  id: z.uuid(), format: z.enum(['raw', 'qcow2']),
  /** Of the file; and of the disk, as its header says: a volume of it has as much at least. */
  bytes: z.number().int(), virtualBytes: z.number().int(), digest: z.string(), createdBy: z.string(), createdAt: z.string(),
  /** Until then a volume can be made of it. */
  expiresAt: z.string(),
  /** What is being made of it; it goes once that is there. */
  volume: z.string().nullable(),
})
type VolumeUploadView = z.output<typeof volumeUploadView>
export const listVolumeUploadsOutput = z.object({ items: z.array(volumeUploadView) })
export const volumeUploadReference = z.object({ id: z.uuid() })
export const deleteVolumeUploadOutput = z.object({ id: z.uuid() })

/** Uploads that a tenant may have, however small; how long one is kept of which no volume is made. */
const maxUploadsOfTenant = 20
const keptMs = 24 * 3_600_000
const mib = 2 ** 20

/** `volume`: what is made of it at once, by its name; `size`: left out: what the disk has. `length` is what the sender says, if anything. */
export type VolumeUploadRequest = { length: number | null; body: Readable; volume: { name: string; size?: string | undefined; storageClassName?: string | undefined } | null }

const overQuota = (): DomainError => new DomainError('failed_precondition', 'The tenant’s volumes and uploads would have more bytes together than its quota of volumes: delete some that are not needed, make the image smaller ("qemu-img convert -c -O qcow2"), or ask an operator for more.')
const tooMuchKept = (most: number): DomainError => new DomainError('failed_precondition', `The tenant’s uploads of which no volume is made yet would have more than ${formatBytes(most)} together, which is the most that the server keeps of one: make volumes of them, delete some, or make the image smaller ("qemu-img convert -c -O qcow2").`)
const tooLarge = (): DomainError => new DomainError('failed_precondition', `The image has more bytes than any volume may: ${formatBytes(maxVolumeBytes)} is the most.`)
const tooMany = (): DomainError => new DomainError('failed_precondition', `The tenant has ${maxUploadsOfTenant} uploads of which no volume is made yet, which is its limit: make volumes of them, or delete some.`)
const noArchive = (why: string): DomainError => new DomainError('invalid_input', `No volume can be made of the file: ${why}. Send a raw image of a disk, or what "qemu-img convert -O qcow2 IMAGE FILE" writes.`)

/** Of a qcow2 the beginning decides; of what is raw, how much comes. */
const archive: UploadKind = {
  maxBytes: maxVolumeBytes, freePart: 0.1, tooLarge, overQuota,
  check: (beginning) => {
    if (beginning.length === 0) throw noArchive('it is empty')
    const read = isQcow2(beginning) ? readQcow2(beginning, beginning.length) : null
    if (read && 'refusal' in read) throw noArchive(read.refusal)
  },
}

export function archiveOf({ beginning, bytes }: Pick<ReceivedFile, 'beginning' | 'bytes'>): VolumeArchive {
  const read = readArchive(beginning, bytes)
  if ('refusal' in read) throw noArchive(read.refusal)
  return read
}

/** Takes an archive in, and makes a volume of it where one is named: both are there, or nothing is. */
export async function receiveVolumeUpload(ctx: ServerContext, scope: Scope, { length, body, volume }: VolumeUploadRequest): Promise<VolumeUploadView> {
  const wanted = volume && readWanted(volume)
  const left = await inTransaction(ctx.db, async (tx) => {
    if (wanted && (await isVolumeNameTaken(tx, scope, wanted.name))) throw nameTaken('volume', wanted.name)
    return bytesLeft(tx, ctx, scope)
  })
  if ((length ?? 0) > maxVolumeBytes) throw tooLarge()
  if ((length ?? 0) > left.bytes) throw left.refusal()
  return oneMore(scope.tenantId, async () => {
    const file = await receiveFile(ctx.config.data, body, left.bytes, undefined, { ...archive, overQuota: left.refusal })
    try {
      return await inTransaction(ctx.db, (tx) => insert(tx, ctx, scope, file, wanted))
    } catch (error) {
      await rm(uploadPath(ctx.config.data, file.id), { force: true })
      throw error
    }
  })
}

type Wanted = { name: string; size: string | undefined; storageClassName: string | undefined }

/** A name, size and class as they are right, before anything comes in. */
function readWanted({ name, size, storageClassName }: NonNullable<VolumeUploadRequest['volume']>): Wanted {
  const read = createVolumeInput.safeParse({ name, spec: { size: size ?? '1Mi', ...(storageClassName === undefined ? {} : { storageClassName }) } })
  if (!read.success) throw invalidInput(read.error.issues.map(({ path, message }) => ({ path: path.at(-1) === 'storageClassName' ? 'class' : String(path.at(-1) ?? ''), line: null, message })))
  return { name, size, storageClassName }
}

/** What of the tenant's quota of bytes neither its volumes nor its uploads have, or, where that is less, what its uploads may have more on this server's disk. */
async function bytesLeft(tx: Transaction, { config }: ServerContext, scope: Scope): Promise<{ bytes: number; refusal: () => DomainError }> {
  const uploads = await sumVolumeUploads(tx, scope)
  if (uploads.count >= maxUploadsOfTenant) throw tooMany()
  const { used, limits } = await readVolumeUse(tx, scope, config.volumeQuotas)
  const [ofQuota, here] = [limits.bytes - used.bytes - uploads.bytes, config.volumeUploadBytes - uploads.bytes]
  return here < ofQuota ? { bytes: Math.max(0, here), refusal: () => tooMuchKept(config.volumeUploadBytes) } : { bytes: Math.max(0, ofQuota), refusal: overQuota }
}

/** Refuses a file of so many bytes where the tenant may not have it. */
export async function checkBytesLeft(tx: Transaction, ctx: ServerContext, scope: Scope, bytes: number): Promise<void> {
  const left = await bytesLeft(tx, ctx, scope)
  if (bytes > left.bytes) throw left.refusal()
}

async function insert(tx: Transaction, ctx: ServerContext, scope: Scope, file: ReceivedFile, wanted: Wanted | null): Promise<VolumeUploadView> {
  const { format, virtualBytes } = archiveOf(file)
  await holdTenant(tx, scope)
  await checkBytesLeft(tx, ctx, scope, file.bytes)
  const row = await insertVolumeUpload(tx, scope, { id: file.id, format, bytes: BigInt(file.bytes), virtualBytes: BigInt(virtualBytes), digest: file.digest, expiresAt: new Date(Date.now() + keptMs) })
  await recordAudit(tx, scope, { action: 'volume.upload', kind: 'VolumeUpload', name: file.id, detail: `${format}, ${formatBytes(file.bytes)}` })
  if (wanted) {
    const { name, size = `${Math.max(1, Math.ceil(virtualBytes / mib))}Mi`, storageClassName } = wanted
    if (await isVolumeNameTaken(tx, scope, name)) throw nameTaken('volume', name)
    await insertNewVolume(tx, ctx.config, scope, { name, labels: {}, annotations: {}, spec: volumeSpec.parse({ size, ...(storageClassName === undefined ? {} : { storageClassName }), source: { kind: 'Upload', uploadId: file.id } }) })
  }
  return toView(row, wanted?.name ?? null)
}

type Row = NonNullable<Awaited<ReturnType<typeof findVolumeUpload>>>
const toView = ({ id, format, bytes, virtualBytes, digest, createdBy, createdAt, expiresAt }: Row, volume: string | null): VolumeUploadView =>
  volumeUploadView.parse({ id, format, bytes: Number(bytes), virtualBytes: Number(virtualBytes), digest, createdBy, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString(), volume })

/** Uploads of which volumes can be made, or are being made. */
export async function listUploadsOfVolumes(ctx: ServerContext, scope: Scope): Promise<z.output<typeof listVolumeUploadsOutput>> {
  const rows = await listVolumeUploads(ctx.db, scope)
  const volumes = await volumesMadeOf(ctx.db, rows.map(({ id }) => id))
  return { items: rows.map((row) => toView(row, volumes.get(row.id) ?? null)) }
}

/** Removes an upload of which no volume is being made. */
export async function deleteVolumeUpload(ctx: ServerContext, scope: Scope, { id }: z.output<typeof volumeUploadReference>): Promise<z.output<typeof deleteVolumeUploadOutput>> {
  await inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    if (!(await findVolumeUpload(tx, scope, id))) throw notFound('VolumeUpload', id)
    const volume = (await volumesMadeOf(tx, [id])).get(id)
    if (volume !== undefined) throw new DomainError('failed_precondition', `The volume "${volume}" is being made of this upload, which goes by itself once that is there: wait, or delete the volume.`)
    await removeVolumeUpload(tx, scope, id)
    await recordAudit(tx, scope, { action: 'volume.deleteUpload', kind: 'VolumeUpload', name: id })
  }, { repeatable: true })
  await rm(uploadPath(ctx.config.data, id), { force: true })
  return { id }
}

/** Removes the files of uploads that nothing needs any more. Done again it does nothing. */
export async function sweepVolumeUploads({ db, config }: Pick<ServerContext, 'db' | 'config'>): Promise<number> {
  const spent = await removeSpentUploads(db)
  for (const id of spent) await rm(uploadPath(config.data, id), { force: true })
  return spent.length
}
