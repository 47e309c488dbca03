import { z } from 'zod'

/** What a tenant may have: of which pools, and how many addresses; `used` counts those that a host still lets go of. */
export const floatingAddressOffer = z.object({
  pools: z.array(z.object({ name: z.string(), cidr: z.string(), family: z.enum(['IPv4', 'IPv6']), default: z.boolean() })),
  quota: z.object({ used: z.number().int(), limit: z.number().int() }),
})
export type FloatingAddressOffer = z.infer<typeof floatingAddressOffer>
