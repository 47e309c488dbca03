import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { floatingAddressSpec, floatingTarget } from './spec'

/**
 * Free: leads nowhere. Pending: its target does not exist or run yet, or a host is about to take it. Active: a host answers for it. Failed: `conditions`
 * say why.
 */
export const floatingPhase = z.enum(['Free', 'Pending', 'Active', 'Failed'])
export type FloatingPhase = z.infer<typeof floatingPhase>

export const floatingAddressView = z.object({
  metadata: objectMetadata,
  spec: floatingAddressSpec,
  status: z.object({
    address: z.string(),
    family: z.enum(['IPv4', 'IPv6']),
    pool: z.string(),
    phase: floatingPhase,
    /** Whom it leads to now; differs from the spec's target while it moves. */
    holder: floatingTarget.nullable(),
    host: z.string().nullable(),
    /** Whether it was taken for a balancer that asked for none, and goes with it. */
    managed: z.boolean(),
    conditions: z.array(condition),
  }),
})
export type FloatingAddressView = z.infer<typeof floatingAddressView>
