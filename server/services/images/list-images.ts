import { z } from 'zod'
import { formatReference, parseReference } from '@/domain/image/reference'
import { maxTenantUploadBytes, shortReference, uploadReference } from '@/domain/image/upload'
import { imagePhases, imageView, type ImageOnHost, type ImageView } from '@/domain/image/view'
import type { Scope } from '@/server/auth/scope'
import { listTenantPrePulls } from '@/server/store/image-pre-pulls'
import { listUploads } from '@/server/store/image-uploads'
import { listHostImages, listImageUses } from '@/server/store/images'
import type { ServerContext } from '../context'

export const listImagesInput = z.object({
  search: z.string().max(200).optional(),
  show: z.enum(['all', 'used', 'uploaded', 'prePulled']).default('all'),
  phase: z.enum(imagePhases).optional(),
  limit: z.number().int().min(1).max(200).default(50),
  /** The reference after which the page begins. */
  cursor: z.string().max(1024).optional(),
})
export const listImagesOutput = z.object({ items: z.array(imageView), total: z.number().int(), nextCursor: z.string().nullable(), uploadedBytes: z.number().int(), maxUploadedBytes: z.number().int() })

type Entry = Pick<ImageView, 'reference' | 'podCount' | 'pod' | 'upload' | 'prePull'>

/**
 * One page of the images that the tenant's pods name, that it has uploaded or pulls ahead. A tenant never learns which images others use: what hosts
 * say of another tenant's credentials is not read.
 */
export async function listImages(ctx: ServerContext, scope: Scope, input: z.output<typeof listImagesInput>): Promise<z.output<typeof listImagesOutput>> {
  const { entries, uploadedBytes } = await tenantEntries(ctx, scope)
  const search = input.search?.trim().toLowerCase() ?? ''
  const wanted = entries.filter((entry) => entry.reference.toLowerCase().includes(search) && isShown(entry, input.show))
  const after = wanted.filter((entry) => input.cursor === undefined || entry.reference > input.cursor)
  // A phase is known only with what hosts say; without that filter only the page's own images are looked up.
  const candidates = input.phase ? wanted : after.slice(0, input.limit + 1)
  const views = (await withHosts(ctx, scope, candidates)).filter((view) => !input.phase || view.phase === input.phase)
  const page = views.filter((view) => input.cursor === undefined || view.reference > input.cursor)
  const items = page.slice(0, input.limit)
  return { items, total: input.phase ? views.length : wanted.length, nextCursor: page.length > input.limit ? (items.at(-1)?.reference ?? null) : null, uploadedBytes, maxUploadedBytes: maxTenantUploadBytes }
}

const isShown = ({ podCount, upload, prePull }: Entry, show: z.output<typeof listImagesInput>['show']): boolean =>
  show === 'all' || (show === 'used' && podCount > 0) || (show === 'uploaded' && upload !== null) || (show === 'prePulled' && prePull !== null)

/** By reference in the order of its characters. Several ways to write one reference are several entries: pods name them so. */
async function tenantEntries(ctx: ServerContext, scope: Scope): Promise<{ entries: Entry[]; uploadedBytes: number }> {
  const [uses, uploads, prePulls] = await Promise.all([listImageUses(ctx.db, scope), listUploads(ctx.db, scope), listTenantPrePulls(ctx.db, scope)])
  const uploadOf = new Map(uploads.map((row) => [row.reference, { id: row.id, digest: row.digest, bytes: Number(row.bytes), createdBy: row.createdBy, createdAt: row.createdAt.toISOString() }]))
  const entries = new Map<string, Entry>()
  const entry = (reference: string): Entry => {
    const known = entries.get(reference) ?? { reference, podCount: 0, pod: null, upload: uploadOf.get(uploadReference(reference) ?? '') ?? null, prePull: null }
    entries.set(reference, known)
    return known
  }
  for (const { reference, pods, namespace, name } of uses) Object.assign(entry(reference), { podCount: pods, pod: { namespace, name } })
  const named = new Set(uses.map(({ reference }) => uploadReference(reference)))
  for (const { reference } of uploads) if (!named.has(reference)) entry(shortReference(reference))
  for (const { id, reference, expiresAt } of prePulls) entry(reference).prePull = { id, expiresAt: expiresAt.toISOString() }
  return { entries: [...entries.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1)), uploadedBytes: uploads.reduce((sum, { bytes }) => sum + Number(bytes), 0) }
}

async function withHosts(ctx: ServerContext, scope: Scope, entries: readonly Entry[]): Promise<ImageView[]> {
  const full = (reference: string): string => {
    const parsed = parseReference(reference, ctx.config.defaultRegistry)
    return parsed.ok ? formatReference(parsed.value) : reference
  }
  const named = entries.map((entry) => ({ entry, name: full(entry.reference) }))
  const listed = await listHostImages(ctx.db, scope, [...new Set(named.map(({ name }) => name))])
  const rows = new Map<string, typeof listed>()
  for (const row of listed) {
    const same = rows.get(row.reference)
    if (same) same.push(row)
    else rows.set(row.reference, [row])
  }
  return named.map(({ entry, name }) => {
    const own = rows.get(name) ?? []
    // The tenant's own row of a host comes first; what is said to everybody counts where there is none.
    const byHost = new Map<string, (typeof own)[number]>()
    for (const row of own) if (!byHost.has(row.hostId)) byHost.set(row.hostId, row)
    const reports = [...byHost.values()]
    const hosts = reports.map(({ host, phase, message, bytesDone, bytesTotal, updatedAt }): ImageOnHost => ({ host: host.name, phase: phase === 'Ready' || phase === 'Pulling' ? phase : 'Failed', message, bytesDone: Number(bytesDone), bytesTotal: Number(bytesTotal), updatedAt: updatedAt.toISOString() }))
    hosts.sort((a, b) => (a.host < b.host ? -1 : 1))
    const newest = [...hosts].sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1))
    const shown = newest.find(({ phase }) => phase === 'Pulling') ?? newest.find(({ phase }) => phase === 'Ready') ?? newest[0]
    const ready = reports.find(({ phase }) => phase === 'Ready')
    return {
      ...entry,
      digest: ready?.digest ?? null,
      sizeBytes: ready?.sizeBytes == null ? null : Number(ready.sizeBytes),
      phase: shown?.phase ?? 'Unknown',
      message: shown?.message ?? '',
      progress: shown?.phase === 'Pulling' ? { bytesDone: shown.bytesDone, bytesTotal: shown.bytesTotal } : null,
      hosts,
      updatedAt: newest[0]?.updatedAt ?? entry.upload?.createdAt ?? null,
    }
  })
}
