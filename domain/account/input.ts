import { z } from 'zod'
import { newPassword, refuseOwnPassword } from './password'

/** An e-mail as it is stored and compared: trimmed, in lower case. The pattern is HTML's, so a browser's check agrees. */
export const email = z.string().trim().toLowerCase().max(254, 'must be at most 254 characters').regex(z.regexes.html5Email, 'must be an e-mail address')

/** A name of a person or an organization: one line, no control characters and none that turn the direction of text. */
const displayName = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(80, 'must be at most 80 characters')
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u, 'must be one line of plain text')

/** A password that is compared with a stored one: any that may once have been accepted. */
const givenPassword = z.string().min(1, 'must not be empty').max(1000, 'is too long')

export const signUpInput = z.object({ email, password: newPassword, name: displayName, organization: displayName }).superRefine(refuseOwnPassword)
export type SignUpInput = z.infer<typeof signUpInput>

export const signInInput = z.object({ email: z.string().trim().toLowerCase().min(1).max(254), password: givenPassword })
export type SignInInput = z.infer<typeof signInInput>

export const requestResetInput = z.object({ email })
export const resetPasswordInput = z.object({ token: z.string().min(1).max(200), password: newPassword })
export const changePasswordInput = z.object({ currentPassword: givenPassword, newPassword })
export const signOutEverywhereInput = z.object({ tokens: z.boolean().default(false).describe('also revoke the API tokens that this person made') })

const tokenName = displayName
const expiresInDays = z.number().int().min(1, 'must be at least 1 day').max(365, 'must be at most 365 days')
export const createTokenInput = z.object({ name: tokenName, expiresInDays })
export const issueTokenInput = signInInput.extend({ name: tokenName, tenant: z.string().min(1).max(64).optional(), expiresInDays })
export type IssueTokenInput = z.infer<typeof issueTokenInput>
