import type { SignUpInput } from '@/domain/account/input'
import type { AccountView, SignUpResult } from '@/domain/account/view'
import { DomainError } from '@/domain/shared/errors'
import { hashPassword } from '@/server/auth/passwords'
import { RateLimits } from '@/server/auth/rate-limits'
import { inTransaction } from '@/server/store/database'
import type { StoredUser } from '@/server/store/users'
import { createAccount } from './create-account'
import type { AccountParts, Client } from './parts'

export const accountViewOf = ({ id, email, name, operator }: Pick<StoredUser, 'id' | 'email' | 'name' | 'operator'>): AccountView => ({ id, email, name, operator })

/**
 * Signs a person up: an account and a tenant of its own, ready for a first pod; `pending` where the setting asks for an
 * operator's approval.
 *
 * A taken e-mail is told as such, at its field. To hide it, sign-up would have to end in a mail for everybody, and most
 * installations have no mail server; a person who forgot their account needs to know. The limit for each address keeps
 * that from being a way to list accounts.
 * Throws `failed_precondition` (closed), `already_exists`, `rate_limited`.
 */
export async function signUp(parts: AccountParts, input: SignUpInput, client: Client): Promise<SignUpResult> {
  if (parts.config.signUp === 'closed') throw new DomainError('failed_precondition', 'Sign-up is closed here. Ask the operator for an account.')
  await new RateLimits(parts.db, parts.limits).consume('signUpByAddress', client.address)
  const pending = parts.config.signUp === 'approval'
  const passwordHash = await hashPassword(input.password)
  const { email, name, organization } = input
  const made = await inTransaction(parts.db, (tx) => createAccount(tx, parts.keyRing, { email, name, organization, passwordHash, pending, address: client.address }))
  if (!made) throw taken()
  return { account: accountViewOf(made.user), tenant: made.tenant, pending }
}

const taken = () => {
  const message = 'has an account already: sign in, or reset the password'
  return new DomainError('already_exists', 'This e-mail has an account already. Sign in, or reset the password.', { problems: [{ path: 'email', line: null, message }] })
}
