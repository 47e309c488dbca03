import { z } from 'zod'
import { invalidInput, notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import { storeTenantUsage } from '@/domain/volume-store/usage'
import type { Database } from '@/server/store/database'
import { pageStoreUsage, type UsageEnd } from '@/server/store/volume-store-usage'
import { findVolumeStore } from '@/server/store/volume-stores'
import { pageOf } from '../networks/object-lists'

export const storeUsageInput = z.object({ name: dnsLabel, limit: z.number().int().min(1).max(500).default(50), cursor: z.string().max(200).optional() })
export const storeUsageOutput = pageOf(storeTenantUsage)

const usageCursor = z.object({ allocated: z.string().regex(/^\d{1,19}$/), tenantId: z.string().regex(/^[0-9a-f]{32}$/) })
function decodeCursor(text: string): UsageEnd {
  try {
    return usageCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  }
}

/** Whose volumes and snapshots fill a store, for operators: whoever takes most of it first. */
export async function readStoreUsage(db: Database, { name, limit, cursor }: z.output<typeof storeUsageInput>): Promise<z.output<typeof storeUsageOutput>> {
  const store = await findVolumeStore(db, name)
  if (!store) throw notFound('VolumeStore', name)
  const { next, ...page } = await pageStoreUsage(db, store.uid, { limit, after: cursor === undefined ? undefined : decodeCursor(cursor) })
  return { ...page, nextCursor: next && Buffer.from(JSON.stringify(next)).toString('base64url') }
}
