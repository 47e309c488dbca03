import { z } from 'zod'

export const tenantSummary = z.object({ id: z.string(), slug: z.string(), name: z.string(), role: z.enum(['admin', 'member']) })
export type TenantSummary = z.infer<typeof tenantSummary>
