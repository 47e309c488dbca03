import { createHash } from 'node:crypto'
import { compiledBalancer, type CompiledBalancer } from '@/domain/load-balancer/compiled'
import { BoundedCache } from './bounded-cache'
import type { Database } from './database'

/** A digest of what a balancer does, for comparing: the schema that made it writes its fields in its own order. */
export const compiledDigest = (compiled: CompiledBalancer): string => createHash('sha256').update(JSON.stringify(compiled)).digest('base64')

/** What balancers do, by uid: it changes with their generation alone. In characters of JSON. */
export class CompiledCache extends BoundedCache<{ generation: number; compiled: CompiledBalancer | null }> {
  constructor(maxBytes = 64 << 20) {
    super(maxBytes)
  }
}

/** What the balancers do, by uid; of a generation that was read before nothing is read. */
export async function readCompiled(db: Database, rows: readonly { uid: string; generation: number }[], cache: CompiledCache): Promise<Map<string, CompiledBalancer | null>> {
  const models = new Map<string, CompiledBalancer | null>()
  const unknown: string[] = []
  for (const { uid, generation } of rows) {
    const known = cache.get(uid)
    if (known?.generation === generation) models.set(uid, known.compiled)
    else unknown.push(uid)
  }
  const found = unknown.length === 0 ? [] : await db.loadBalancer.findMany({ where: { uid: { in: unknown } }, select: { uid: true, generation: true, compiled: true } })
  for (const { uid, generation, compiled: stored } of found) {
    const compiled = stored === null ? null : compiledBalancer.parse(stored)
    cache.set(uid, { generation, compiled }, JSON.stringify(stored).length + 200)
    models.set(uid, compiled)
  }
  return models
}
