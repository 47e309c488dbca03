import { z } from 'zod'
import { dnsLabel, tenantReference } from '../shared/names'

/**
 * One side's word that a network of its tenant may talk with another. Two networks of one tenant: one object is enough. Two tenants: it
 * takes effect once the other tenant has an object that names this network. Neither side's subnets may overlap the other's.
 */
export const networkPeeringSpec = z.strictObject({
  network: dnsLabel,
  peer: z.strictObject({ /** The other tenant's slug or id; without it, the same tenant. */ tenant: tenantReference.optional(), network: dnsLabel }),
})
export type NetworkPeeringSpec = z.infer<typeof networkPeeringSpec>
