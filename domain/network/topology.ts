import { z } from 'zod'

/** A network drawn: what is in it and what is behind its edges. Lists are cut at a thousand, and `truncated` says so. */
export const networkTopology = z.object({
  network: z.object({ name: z.string(), uid: z.string(), outbound: z.enum(['nat', 'none']), domain: z.string(), mtu: z.number().int(), serviceCIDRs: z.array(z.string()) }),
  subnets: z.array(z.object({ name: z.string(), cidr: z.string(), gateway: z.string(), used: z.number().int(), total: z.number().int() })),
  pods: z.array(z.object({ uid: z.string(), namespace: z.string(), name: z.string(), state: z.string(), ready: z.boolean(), addresses: z.array(z.object({ address: z.string(), subnet: z.string() })), securityGroups: z.array(z.string()) })),
  /** `externalName`: the name elsewhere that the service stands for; it has neither addresses nor pods. */
  services: z.array(z.object({ uid: z.string(), namespace: z.string(), name: z.string(), externalName: z.string().nullable(), addresses: z.array(z.string()), ports: z.array(z.string()), pods: z.array(z.string()) })),
  routes: z.array(z.object({ destination: z.string(), via: z.string() })),
  peers: z.array(z.object({ name: z.string(), network: z.string(), tenant: z.string(), active: z.boolean() })),
  truncated: z.boolean(),
})
export type NetworkTopology = z.infer<typeof networkTopology>
