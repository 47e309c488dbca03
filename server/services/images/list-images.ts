import { z } from 'zod'
import { imageView, type ImageView } from '@/domain/image/view'
import type { Scope } from '@/server/auth/scope'
import { listHostImages, listTenantImages } from '@/server/store/records'
import type { ServerContext } from '../context'

export const listImagesOutput = z.object({ items: z.array(imageView) })

/** The images that the tenant's pods name; a tenant never learns which images others use. */
export async function listImages(ctx: ServerContext, scope: Scope): Promise<z.output<typeof listImagesOutput>> {
  const uses = await listTenantImages(ctx.db, scope)
  const references = [...new Set(uses.map((use) => use.reference))]
  const onHosts = await listHostImages(ctx.db, references)
  const items = references.map((reference): ImageView => {
    const reports = onHosts.filter((image) => image.reference === reference).sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime())
    const shown = reports.find((r) => r.phase === 'Pulling') ?? reports.find((r) => r.phase === 'Ready') ?? reports[0]
    const phase = shown?.phase === 'Pulling' || shown?.phase === 'Ready' || shown?.phase === 'Failed' ? shown.phase : 'Unknown'
    return {
      reference,
      digest: shown?.digest ?? null,
      sizeBytes: shown?.sizeBytes == null ? null : Number(shown.sizeBytes),
      phase,
      message: shown?.message ?? '',
      progress: phase === 'Pulling' && shown ? { bytesDone: Number(shown.bytesDone), bytesTotal: Number(shown.bytesTotal) } : null,
      pods: uses.filter((use) => use.reference === reference).map(({ namespace, name }) => ({ namespace, name })),
      hosts: reports.filter((r) => r.phase === 'Ready').map((r) => r.host.name),
      updatedAt: shown?.updatedAt.toISOString() ?? null,
    }
  })
  return { items }
}
