import { z } from 'zod'
import { subnetSpec } from '../network/spec'

/**
 * Addresses of the outside that tenants may have, as an operator makes them. `subnet.gateway` is the hosts' own address there. `default`: where
 * an address comes from that names no pool, at most one pool a family.
 */
export const addressPoolSpec = z.strictObject({
  subnet: subnetSpec,
  default: z.boolean({ error: 'must be true or false' }).default(false),
})
export type AddressPoolSpec = z.infer<typeof addressPoolSpec>
