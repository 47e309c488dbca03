import { z } from 'zod'
import { archiveHeaderBytes } from '@/domain/volume/archive'
import { sizeBytesOf } from '@/domain/volume/limits'
import { volumeSpec } from '@/domain/volume/spec'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { isVolumeNameTaken } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { holdTenant, nameTaken } from '../networks/object-lists'
import { checkSize } from './volume-source'
import { archiveOf, checkBytesLeft } from './volume-uploads'
import { volumeReference } from './volume-view'
import { insertNewVolume } from './volumes'

/** A volume that shall be made of a file that is not sent yet. `bytes`: of the file; `header`: how it begins, in base64. Of the spec's source nothing is looked at. */
export const previewUploadInput = volumeReference.extend({ spec: volumeSpec, bytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), header: z.base64().max(Math.ceil(archiveHeaderBytes / 3) * 4) })
export const previewUploadOutput = z.object({ format: z.enum(['raw', 'qcow2']), virtualBytes: z.number().int() })

/** Ends a transaction that must not commit. */
class TakenBack extends Error {}

/** Refuses before anything is sent what would be refused once all is sent. The volume is tried, and taken back. Whether the image is whole, only the sent one says. */
export async function previewUpload(ctx: ServerContext, scope: Scope, { name, spec, bytes, header }: z.output<typeof previewUploadInput>): Promise<z.output<typeof previewUploadOutput>> {
  const archive = archiveOf({ beginning: Buffer.from(header, 'base64'), bytes })
  try {
    return await inTransaction(ctx.db, async (tx) => {
      await holdTenant(tx, scope)
      if (await isVolumeNameTaken(tx, scope, name)) throw nameTaken('volume', name)
      await checkBytesLeft(tx, ctx, scope, bytes)
      checkSize({ spec, sizeBytes: BigInt(sizeBytesOf(spec.size)) }, BigInt(archive.virtualBytes), 'the disk')
      await insertNewVolume(tx, ctx.config, scope, { name, labels: {}, annotations: {}, spec: { ...spec, source: { kind: 'Blank' } } })
      throw new TakenBack()
    }, { repeatable: true })
  } catch (error) {
    if (error instanceof TakenBack) return archive
    throw error
  }
}
