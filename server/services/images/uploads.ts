import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { maxTenantUploadBytes, maxUploadBytes, shortReference, uploadReference } from '@/domain/image/upload'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { countUploads, findUpload, holdTenantImages, removeUpload, replaceUpload, sumUploadBytes } from '@/server/store/image-uploads'
import { listImageUses } from '@/server/store/images'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { oneMore } from './under-way'
import { overQuota, receiveFile, tooLarge, uploadPath } from './upload-files'

export const uploadOutput = z.object({ id: z.uuid(), reference: z.string(), digest: z.string(), bytes: z.number().int() })
export const deleteUploadInput = z.object({ reference: z.string().min(1).max(600) })
export const deleteUploadOutput = z.object({ reference: z.string() })

/** Uploads that a tenant may have, however small. */
const maxUploadsOfTenant = 200

/** Takes an archive in under a reference; an earlier one of the same reference makes way. `length` is what the sender says, if anything. */
export async function receiveUpload(ctx: ServerContext, scope: Scope, request: { reference: string; length: number | null; body: Readable }): Promise<z.output<typeof uploadOutput>> {
  const reference = uploadReference(request.reference)
  if (!reference) throw new DomainError('invalid_input', `"${request.reference}" is not the name of an image with a tag: write one such as app:1.`, { problems: [{ path: 'reference', line: null, message: 'must be a name with a tag, such as app:1' }] })
  const left = maxTenantUploadBytes - (await sumUploadBytes(ctx.db, scope, reference))
  if ((await countUploads(ctx.db, scope, reference)) >= maxUploadsOfTenant) throw tooMany()
  if ((request.length ?? 0) > maxUploadBytes) throw tooLarge()
  if ((request.length ?? 0) > left) throw overQuota()
  return oneMore(scope.tenantId, async () => {
    const file = await receiveFile(ctx.config.data, request.body, left)
    try {
      const before = await inTransaction(ctx.db, async (tx) => {
        await holdTenantImages(tx, scope)
        if ((await countUploads(tx, scope, reference)) >= maxUploadsOfTenant) throw tooMany()
        if ((await sumUploadBytes(tx, scope, reference)) + file.bytes > maxTenantUploadBytes) throw overQuota()
        const replaced = await findUpload(tx, scope, reference)
        await replaceUpload(tx, scope, { id: file.id, reference, digest: file.digest, bytes: BigInt(file.bytes) })
        await recordAudit(tx, scope, { action: 'image.upload', kind: 'Image', name: shortReference(reference) })
        return replaced
      })
      if (before) await rm(uploadPath(ctx.config.data, before.id), { force: true })
    } catch (error) {
      await rm(uploadPath(ctx.config.data, file.id), { force: true })
      throw error
    }
    return { id: file.id, digest: file.digest, bytes: file.bytes, reference: shortReference(reference) }
  })
}

/** Removes an upload that no pod names. */
export async function deleteUpload(ctx: ServerContext, scope: Scope, input: z.output<typeof deleteUploadInput>): Promise<z.output<typeof deleteUploadOutput>> {
  const reference = uploadReference(input.reference) ?? ''
  const removed = await inTransaction(ctx.db, async (tx) => {
    await holdTenantImages(tx, scope)
    const upload = await findUpload(tx, scope, reference)
    if (!upload) throw notFound('Upload', input.reference)
    const uses = (await listImageUses(tx, scope)).filter((use) => uploadReference(use.reference) === reference)
    const pods = uses.reduce((sum, use) => sum + use.pods, 0)
    const first = uses[0]
    if (first) throw new DomainError('failed_precondition', `${pods === 1 ? 'The pod' : `${pods} pods, one of them`} "${first.name}" in namespace "${first.namespace}" use${pods === 1 ? 's' : ''} this image: delete ${pods === 1 ? 'it' : 'them'} first, or upload another archive under the same name.`)
    await removeUpload(tx, scope, upload.id)
    await recordAudit(tx, scope, { action: 'image.deleteUpload', kind: 'Image', name: shortReference(reference) })
    return upload
  })
  await rm(uploadPath(ctx.config.data, removed.id), { force: true })
  return { reference: shortReference(reference) }
}

const tooMany = (): DomainError => new DomainError('failed_precondition', `The tenant has ${maxUploadsOfTenant} uploads, which is its limit: delete one that is not needed, or upload under the name of one.`)
