import { z } from 'zod'
import { configMapSummary, type ConfigMapView } from '@/domain/config-map/view'
import { notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findConfigMap, loadConfigMaps } from '@/server/store/config-maps'
import { findConfiguration } from '@/server/store/configuration-objects'
import { listPodsUsing } from '@/server/store/pod-references'
import type { ServerContext } from '../context'
import { toMetadata } from '../object-metadata'
import type { configMapReference } from './config-maps'
import { listConfiguration, listConfigurationInput, toSummary } from './configuration-lists'

export const listConfigMapsInput = listConfigurationInput
export const listConfigMapsOutput = z.object({ items: z.array(configMapSummary), nextCursor: z.string().nullable(), total: z.number().int() })
const values = z.record(z.string(), z.string())

/** One page of the tenant's ConfigMaps, without their values. */
export async function listConfigMaps(ctx: ServerContext, scope: Scope, input: z.output<typeof listConfigMapsInput>): Promise<z.output<typeof listConfigMapsOutput>> {
  const { rows, ...page } = await listConfiguration(ctx.db, scope, 'ConfigMap', input)
  return { ...page, items: rows.map(toSummary) }
}

export async function getConfigMap(ctx: ServerContext, scope: Scope, { namespace, name }: z.output<typeof configMapReference>): Promise<ConfigMapView> {
  const summary = await findConfiguration(ctx.db, scope, 'ConfigMap', namespace, name)
  const row = summary && (await findConfigMap(ctx.db, scope, namespace, name))
  if (!row) throw notFound('ConfigMap', name)
  // The metadata is that of the values beside it: an update of one that was read checks it.
  return { ...toSummary(summary), metadata: { ...toMetadata(row), namespace }, immutable: row.immutable, data: values.parse(row.data), binaryData: values.parse(row.binaryData), usedBy: await listPodsUsing(ctx.db, scope, 'ConfigMap', namespace, name) }
}

/** So many bytes of values one page of `manifest.list` holds about. */
const pageBytes = 8 << 20

/** A page of ConfigMaps with their values, by name. It ends early where the values are many; the cursor goes on. */
export async function listWholeConfigMaps(ctx: ServerContext, scope: Scope, input: { namespace?: string | undefined; limit: number; cursor?: string | undefined; labelSelector?: string | undefined }) {
  let { limit } = input
  const query = (size: number) => listConfiguration(ctx.db, scope, 'ConfigMap', { ...input, limit: size, sort: 'name', descending: false })
  let page = await query(limit)
  let bytes = 0
  limit = Math.max(1, page.rows.findIndex((row) => (bytes += row.bytes) > pageBytes))
  if (bytes > pageBytes) page = await query(limit)
  const rows = new Map((await loadConfigMaps(ctx.db, scope, page.rows.map((row) => row.uid))).map((row) => [row.uid, row]))
  const items = page.rows.flatMap((row) => {
    const whole = rows.get(row.uid)
    return whole ? [{ metadata: { ...toMetadata(whole), namespace: whole.namespace }, immutable: whole.immutable, data: values.parse(whole.data), binaryData: values.parse(whole.binaryData) }] : []
  })
  return { items, nextCursor: page.nextCursor }
}
