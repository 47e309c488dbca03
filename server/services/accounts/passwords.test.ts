import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkCredentials } from '@/server/auth/check-credentials'
import { defaultLimits } from '@/server/auth/rate-limits'
import { newPerson, openTestParts, signedInActor, withBackground, type TestParts } from '@/server/auth/testing/test-parts'
import { isStillAuthenticated } from '@/server/auth/authenticate'
import { findMail } from '@/server/store/mails'
import { issueToken } from '../tokens/tokens'
import { openBody } from '../mail/send-mail'
import { changePassword, requestPasswordReset, resetPassword } from './passwords'
import { listSessions, me, revokeSession, signOutEverywhere } from './sessions'
import { signUp } from './sign-up'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())
const client = { address: '192.0.2.7' }

async function person() {
  const typed = newPerson()
  const { account, tenant } = await signUp(parts, typed, client)
  return { ...typed, id: account.id, tenant, actor: await signedInActor(parts.db, account.id) }
}

/** Asks for a link as the person does, and reads it as the operator does. */
async function resetToken(email: string): Promise<string> {
  await withBackground((background) => requestPasswordReset(parts, { email }, client, background))
  const row = await parts.db.mail.findFirstOrThrow({ where: { recipient: email }, orderBy: { createdAt: 'desc' } })
  const mail = await findMail(parts.db, row.id)
  return /\/reset-password\?token=([0-9A-Za-z]{43})$/m.exec(openBody(parts.keyRing, mail!) ?? '')?.[1] ?? ''
}

describe('a reset', () => {
  it('sets a new password once and ends every session', async () => {
    const ada = await person()
    const issued = await issueToken(parts, { email: ada.email, password: ada.password, name: 'ci', expiresInDays: 1 }, client)
    const token = await resetToken(ada.email)
    const password = `${ada.password} changed`
    expect(await resetPassword(parts, { token, password }, client)).toEqual({ sessionsRevoked: 1, tokensRevoked: 0, tokensLeft: 1 })
    expect(issued.tenant).toBe(ada.tenant.slug)
    expect(await isStillAuthenticated(parts.db, ada.actor)).toBe(false)
    await expect(checkCredentials(parts, ada, client.address)).rejects.toMatchObject({ code: 'unauthenticated' })
    await checkCredentials(parts, { email: ada.email, password }, client.address)
    await expect(resetPassword(parts, { token, password: 'another long one' }, client)).rejects.toMatchObject({ code: 'failed_precondition' })
  })
  it('is given to one of two that use its link at the same time', async () => {
    const ada = await person()
    const token = await resetToken(ada.email)
    const results = await Promise.allSettled(['first long password', 'second long password'].map((password) => resetPassword(parts, { token, password }, client)))
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
  })
  it('ends with a later one that was used, and after an hour', async () => {
    const ada = await person()
    const [first, second] = [await resetToken(ada.email), await resetToken(ada.email)]
    await resetPassword(parts, { token: second, password: 'first long password' }, client)
    await expect(resetPassword(parts, { token: first, password: 'second long password' }, client)).rejects.toMatchObject({ code: 'failed_precondition' })
    const third = await resetToken(ada.email)
    const row = await parts.db.passwordReset.findFirstOrThrow({ where: { userId: ada.id, usedAt: null } })
    expect(row.expiresAt.getTime() - row.createdAt.getTime()).toBeLessThanOrEqual(3_600_000)
    await parts.db.passwordReset.update({ where: { id: row.id }, data: { expiresAt: new Date(Date.now() - 1) } })
    await expect(resetPassword(parts, { token: third, password: 'second long password' }, client)).rejects.toMatchObject({ code: 'failed_precondition' })
  })
  it('refuses a password made of the person, and the link stays good', async () => {
    const ada = await person()
    const token = await resetToken(ada.email)
    await expect(resetPassword(parts, { token, password: ada.email }, client)).rejects.toMatchObject({ code: 'invalid_input', problems: [{ path: 'password' }] })
    await resetPassword(parts, { token, password: 'first long password' }, client)
  })
  it('is for nobody where there is no account, or one that is disabled', async () => {
    const ada = await person()
    await parts.db.user.update({ where: { id: ada.id }, data: { disabledAt: new Date() } })
    for (const email of ['nobody@example.com', ada.email]) {
      await withBackground((background) => requestPasswordReset(parts, { email }, client, background))
      expect(await parts.db.mail.count({ where: { recipient: email } })).toBe(0)
    }
    await expect(resetPassword(parts, { token: 'guessed', password: 'first long password' }, client)).rejects.toMatchObject({ code: 'failed_precondition' })
  })
  it('is limited by e-mail, known or not', async () => {
    const limited = { ...parts, limits: { ...defaultLimits, resetByEmail: { points: 1, seconds: 600 } } }
    const ada = await person()
    for (const email of [ada.email, 'unknown@example.com']) {
      await withBackground((background) => requestPasswordReset(limited, { email }, client, background))
      await expect(requestPasswordReset(limited, { email }, client)).rejects.toMatchObject({ code: 'rate_limited' })
    }
  })
})

it('links that are tried are limited by address', async () => {
  const limited = { ...parts, limits: { ...defaultLimits, resetLinkByAddress: { points: 2, seconds: 600 } } }
  const guess = () => resetPassword(limited, { token: 'guessed', password: 'first long password' }, { address: '192.0.2.99' })
  for (let i = 0; i < 2; i++) await expect(guess()).rejects.toMatchObject({ code: 'failed_precondition' })
  await expect(guess()).rejects.toMatchObject({ code: 'rate_limited' })
  // Others of that address, which may be a proxy's, are not locked out by it.
  const ada = await person()
  expect(await resetPassword(limited, { token: await resetToken(ada.email), password: 'first long password' }, { address: '192.0.2.99' })).toMatchObject({ sessionsRevoked: 1 })
})

describe('a change of the password', () => {
  it('keeps this session and ends the others', async () => {
    const ada = await person()
    const other = await signedInActor(parts.db, ada.id)
    await expect(changePassword(parts, ada.actor, { currentPassword: 'not that one', newPassword: 'first long password' }, client)).rejects.toMatchObject({ problems: [{ path: 'currentPassword', message: 'is wrong' }] })
    await expect(changePassword(parts, ada.actor, { currentPassword: ada.password, newPassword: ada.email }, client)).rejects.toMatchObject({ problems: [{ path: 'newPassword' }] })
    expect(await changePassword(parts, ada.actor, { currentPassword: ada.password, newPassword: 'first long password' }, client)).toMatchObject({ sessionsRevoked: 1 })
    expect(await isStillAuthenticated(parts.db, ada.actor)).toBe(true)
    expect(await isStillAuthenticated(parts.db, other)).toBe(false)
  })
})

describe('sessions', () => {
  it('are listed and ended by their person alone', async () => {
    const [ada, bob] = [await person(), await person()]
    const second = await signedInActor(parts.db, ada.id)
    const { sessions } = await listSessions(parts.db, ada.actor)
    expect(sessions.map((s) => [s.id, s.current]).sort()).toEqual([[ada.actor.credentialId, true], [second.credentialId, false]].sort())
    await expect(revokeSession(parts.db, bob.actor, { id: second.credentialId }, client)).rejects.toMatchObject({ code: 'not_found' })
    await revokeSession(parts.db, ada.actor, { id: second.credentialId }, client)
    await expect(revokeSession(parts.db, ada.actor, { id: second.credentialId }, client)).rejects.toMatchObject({ code: 'not_found' })
    const feed = await parts.db.$queryRaw<{ name: string }[]>`select "name" from "Change" where "kind" = 'Revocation' and "objectUid" = ${second.credentialId}::uuid`
    expect(feed).toEqual([{ name: 'session' }])
  })
  it('all end at once, and tokens where asked', async () => {
    const ada = await person()
    await issueToken(parts, { email: ada.email, password: ada.password, name: 'ci', expiresInDays: 1 }, client)
    expect(await signOutEverywhere(parts.db, ada.actor, { tokens: false }, client)).toEqual({ sessionsRevoked: 1, tokensRevoked: 0, tokensLeft: 1 })
    const again = await signedInActor(parts.db, ada.id)
    expect(await signOutEverywhere(parts.db, again, { tokens: true }, client)).toEqual({ sessionsRevoked: 1, tokensRevoked: 1, tokensLeft: 0 })
  })
  it('say who one is', async () => {
    const ada = await person()
    expect(await me(parts.db, ada.actor)).toEqual({ user: { id: ada.id, email: ada.email, name: 'Ada', operator: false }, tenants: [ada.tenant] })
  })
})
