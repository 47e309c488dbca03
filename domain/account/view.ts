import { z } from 'zod'
import { tenantSummary } from '../tenant/view'

/** A person as they see themselves. */
export const accountView = z.object({ id: z.string(), email: z.string(), name: z.string(), operator: z.boolean() })
export type AccountView = z.infer<typeof accountView>

/** `pending`: an operator has to approve the account before it can sign in. */
export const signUpResult = z.object({ account: accountView, tenant: tenantSummary, pending: z.boolean() })
export type SignUpResult = z.infer<typeof signUpResult>

export const meView = z.object({ user: accountView, tenants: z.array(tenantSummary) })
export type MeView = z.infer<typeof meView>

/** A browser that is signed in. Times are RFC 3339. */
export const sessionView = z.object({
  id: z.string(),
  createdAt: z.string(),
  lastSeenAt: z.string(),
  expiresAt: z.string(),
  userAgent: z.string(),
  address: z.string(),
  current: z.boolean(),
})
export type SessionView = z.infer<typeof sessionView>

/** How many credentials an action ended, and how many API tokens of the person are still good. */
export const revocationResult = z.object({ sessionsRevoked: z.number().int(), tokensRevoked: z.number().int(), tokensLeft: z.number().int() })
export type RevocationResult = z.infer<typeof revocationResult>

/** An account that waits for an operator's approval. */
export const pendingAccountView = z.object({ id: z.string(), email: z.string(), name: z.string(), organization: z.string(), createdAt: z.string() })
export type PendingAccountView = z.infer<typeof pendingAccountView>
