import { passwordProblem } from '@/domain/account/password'
import type { RevocationResult } from '@/domain/account/view'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { checkCredentials } from '@/server/auth/check-credentials'
import { hashPassword } from '@/server/auth/passwords'
import { RateLimits } from '@/server/auth/rate-limits'
import type { Actor } from '@/server/auth/scope'
import { hashSecretText, randomText } from '@/server/auth/secret-text'
import { inTransaction, type Transaction } from '@/server/store/database'
import { revokeSessions } from '@/server/store/sessions'
import { countActiveTokensOfUser } from '@/server/store/tokens'
import { findPasswordReset, findUserByEmail, insertPasswordReset, recordAccountAudit, setPasswordHash, usePasswordReset } from '@/server/store/users'
import { deliverMail, queueMail } from '../mail/send-mail'
import type { AccountParts, Client } from './parts'

/** A reset link is good for so long. */
const resetMinutes = 60

/**
 * Asks for a reset link by mail. It answers before it looks for the account, so neither the answer nor its time tells
 * whether there is one. `background` is handed the rest of the work, which never rejects: what goes wrong on that way is the
 * operator's to read. Throws `rate_limited`, counted by e-mail whether it has an account or not.
 */
export async function requestPasswordReset(parts: AccountParts, input: { email: string }, client: Client, background: (work: Promise<void>) => void = () => {}): Promise<Record<string, never>> {
  const limits = new RateLimits(parts.db, parts.limits)
  await limits.consume('resetByAddress', client.address)
  await limits.consume('resetByEmail', input.email)
  background(sendResetLink(parts, input.email).catch((error: unknown) => parts.log.error({ err: error }, 'a password reset could not be sent')))
  return {}
}

async function sendResetLink(parts: AccountParts, email: string): Promise<void> {
  const user = await findUserByEmail(parts.db, email)
  if (!user || user.disabledAt) return
  const token = randomText(32)
  const mailId = await inTransaction(parts.db, async (tx) => {
    await insertPasswordReset(tx, { userId: user.id, tokenHash: hashSecretText(token), expiresAt: new Date(Date.now() + resetMinutes * 60_000) })
    return queueMail(tx, parts.keyRing, { recipient: user.email, subject: 'Reset your Hypernetes password', text: resetText(user.name, parts.config.publicUrl, token) })
  })
  await deliverMail(parts, mailId)
}

/** The page that the link opens tells its address to nobody (referrer), and the token works once. */
const resetText = (name: string, publicUrl: string, token: string): string =>
  [`Hello ${name},`, '', 'choose a new password here, within one hour:', '', `${publicUrl}/reset-password?token=${token}`, '', 'The link works once. If you did not ask for it, ignore this mail: nothing has changed.', ''].join('\n')

/**
 * Sets a new password by the token of a link, once, and ends every session of the person. API tokens stay; the answer says
 * how many. Throws `failed_precondition` for a token that is unknown, used or over its time, `invalid_input` for the password, `rate_limited`.
 */
export async function resetPassword(parts: AccountParts, input: { token: string; password: string }, client: Client): Promise<RevocationResult> {
  const tokenHash = hashSecretText(input.token)
  const reset = await findPasswordReset(parts.db, tokenHash)
  if (!reset) {
    // A good link works whatever others of the same address have tried: nobody guesses 256 bits, and offices share one.
    await new RateLimits(parts.db, parts.limits).consume('resetLinkByAddress', client.address)
    throw badResetLink()
  }
  refuseProblem('password', passwordProblem(input.password, reset.user))
  const passwordHash = await hashPassword(input.password)
  return inTransaction(parts.db, async (tx) => {
    const userId = await usePasswordReset(tx, tokenHash)
    if (!userId) throw badResetLink()
    await setPasswordHash(tx, userId, passwordHash)
    await recordAccountAudit(tx, { actorId: userId, actor: reset.user.email, action: 'account.resetPassword', name: reset.user.email, address: client.address })
    return endSessions(tx, userId)
  })
}

const badResetLink = () => new DomainError('failed_precondition', 'This link was used before or is older than an hour. Ask for a new one.')

/**
 * Changes the password of the signed-in person and ends all their other sessions.
 * Throws `invalid_input` at `currentPassword` or `newPassword`, `rate_limited` after many wrong ones.
 */
export async function changePassword(parts: AccountParts, actor: Actor, input: { currentPassword: string; newPassword: string }, client: Client): Promise<RevocationResult> {
  refuseProblem('newPassword', passwordProblem(input.newPassword, actor))
  await checkCredentials(parts, { email: actor.email, password: input.currentPassword }, client.address).catch((error: unknown) => {
    if (error instanceof DomainError && error.code === 'unauthenticated') refuseProblem('currentPassword', 'is wrong')
    throw error
  })
  const passwordHash = await hashPassword(input.newPassword)
  return inTransaction(parts.db, async (tx) => {
    await setPasswordHash(tx, actor.userId, passwordHash)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'account.changePassword', name: actor.email, address: client.address })
    return endSessions(tx, actor.userId, actor.credentialId)
  })
}

async function endSessions(tx: Transaction, userId: string, keep?: string): Promise<RevocationResult> {
  return { sessionsRevoked: await revokeSessions(tx, userId, keep), tokensRevoked: 0, tokensLeft: await countActiveTokensOfUser(tx, userId) }
}

function refuseProblem(path: string, message: string | null): void {
  if (message) throw invalidInput([{ path, line: null, message }])
}
