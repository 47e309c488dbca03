import type { SignInInput } from '@/domain/account/input'
import { DomainError } from '@/domain/shared/errors'
import type { DatabaseClient } from '@/server/store/database'
import { findUserByEmail, type StoredUser } from '@/server/store/users'
import { verifyPassword } from './passwords'
import { RateLimits, type LimitTable } from './rate-limits'

export type CredentialParts = { db: DatabaseClient; limits?: LimitTable }

/** Why credentials that may be right do not sign in. */
export class AccountClosedError extends DomainError {
  constructor(readonly reason: 'pending' | 'disabled') {
    super('failed_precondition', reason === 'pending' ? 'This account waits for an operator to approve it.' : 'This account is disabled. Ask the operator.')
  }
}

/**
 * The user of an e-mail and a password. An unknown e-mail costs and answers as a wrong password does; whether an account is
 * pending or disabled learns only who knows its password. Attempts are counted before they are checked, so many at once do
 * not slip through, and given back when they were right.
 * Throws `rate_limited`, `unauthenticated`, or {@link AccountClosedError} (`failed_precondition`).
 */
export async function checkCredentials(parts: CredentialParts, input: SignInInput, address: string): Promise<StoredUser> {
  const limits = new RateLimits(parts.db, parts.limits)
  const counted = [
    ['signInByAddress', address],
    ['signInByEmailAndAddress', `${input.email} ${address}`],
    ['signInByEmail', input.email],
  ] as const
  for (const [name, subject] of counted) await limits.consume(name, subject)
  const user = await findUserByEmail(parts.db, input.email)
  if (!(await verifyPassword(user?.passwordHash ?? null, input.password)) || !user) throw new DomainError('unauthenticated', 'The e-mail or the password is wrong.')
  for (const [name, subject] of counted) await limits.giveBack(name, subject)
  if (user.disabledAt) throw new AccountClosedError('disabled')
  if (user.pending) throw new AccountClosedError('pending')
  return user
}
