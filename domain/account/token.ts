import { z } from 'zod'

/** An API token in a list; its text is shown once, when it is made. Times are RFC 3339. */
export const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  /** The first characters, to tell tokens apart. */
  prefix: z.string(),
  owner: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  lastUsedAt: z.string().nullable(),
  state: z.enum(['active', 'expired', 'revoked']),
})
export type TokenView = z.infer<typeof tokenView>

/** A new token: `token` is its text, which nobody can read again. */
export const issuedToken = z.object({ token: z.string(), id: z.string(), tenant: z.string(), expiresAt: z.string() })
export type IssuedToken = z.infer<typeof issuedToken>
