import { addressPoolSpec } from '@/domain/address-pool/spec'
import type { Config } from '@/platform/config'
import { holdPools, insertAddressPool, listAddressPools } from '@/server/store/address-pools'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { checkPool } from './address-pools'

/** `warning` is for the log: why no pool was made of a setting that is right in itself. */
export type DefaultPool = { created: boolean; warning?: string }

/** The setting's word for no pool at all. */
const none = 'none'

/**
 * Makes the pool `default` from `HYPERNETES_EXTERNAL_CIDR` at a start that finds no pool: at the first one, as long as no operator wants none.
 * Later the setting changes nothing. Two processes at once make one. Throws where the setting is no subnet for a pool.
 */
export async function ensureDefaultPool(db: DatabaseClient, { externalCidr }: Pick<Config, 'externalCidr'>): Promise<DefaultPool> {
  if (externalCidr === none) return { created: false }
  const read = addressPoolSpec.safeParse({ subnet: { cidr: externalCidr }, default: true })
  const unlike = (reason: string) => `HYPERNETES_EXTERNAL_CIDR: "${externalCidr.slice(0, 64)}" ${reason}; name a subnet that nothing else uses, such as 198.18.100.0/24, or "${none}"`
  if (!read.success) throw new Error(unlike(read.error.issues.map(({ message }) => message).join('; ')))
  return inTransaction(db, async (tx) => {
    await holdPools(tx)
    if ((await listAddressPools(tx)).length > 0) return { created: false }
    const problems = await checkPool(tx, 'default', read.data)
    // What tenants have made meanwhile keeps nobody from starting.
    if (problems.length > 0) return { created: false, warning: `no pool of floating addresses was made: ${unlike(problems.map(({ message }) => message).join('; '))}, or make a pool in the console` }
    await insertAddressPool(tx, 'default', { labels: {}, annotations: {}, spec: read.data })
    return { created: true }
  })
}
