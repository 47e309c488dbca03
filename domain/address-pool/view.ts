import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { addressPoolSpec } from './spec'

export const addressPoolView = z.object({ metadata: objectMetadata, spec: addressPoolSpec, status: z.object({ family: z.enum(['IPv4', 'IPv6']), addressesUsed: z.number().int(), addressesTotal: z.number().int() }) })
export type AddressPoolView = z.infer<typeof addressPoolView>

/** Who has an address of a pool, as the operator sees it. */
export const pooledAddress = z.object({ address: z.string(), tenant: z.object({ id: z.string(), slug: z.string() }), name: z.string(), holder: z.object({ kind: z.enum(['Pod', 'Service', 'Ingress']), namespace: z.string(), name: z.string() }).nullable(), host: z.string().nullable() })
export type PooledAddress = z.infer<typeof pooledAddress>
export const addressPoolDetail = addressPoolView.extend({ addresses: z.array(pooledAddress) })
export type AddressPoolDetail = z.infer<typeof addressPoolDetail>
