import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signUp } from '@/server/services/accounts/sign-up'
import { createToken, issueToken, listTokens, revokeToken } from '@/server/services/tokens/tokens'
import { revokeSession } from '@/server/store/sessions'
import { insertMembership } from '@/server/store/tenants'
import { authenticate, isStillAuthenticated, resolveScope } from './authenticate'
import { checkCredentials } from './check-credentials'
import { openSession } from './open-session'
import { defaultLimits } from './rate-limits'
import type { AuthRuntime } from './runtime'
import { Scope, type Actor } from './scope'
import { newApiToken } from './secret-text'
import { sessionCookieName, writeSessionCookie } from './session-cookie'
import { newPerson, openTestParts, signedInActor, type TestParts } from './testing/test-parts'

const client = { address: '192.0.2.7' }
const secret = 'a secret of this test alone, 32 b'
let parts: TestParts
let runtime: AuthRuntime
beforeAll(async () => {
  parts = await openTestParts()
  runtime = { ...parts, sessionSecret: secret }
})
afterAll(() => parts.close())

async function member() {
  const person = newPerson()
  const { account, tenant } = await signUp(parts, person, client)
  return { person, account, tenant, actor: await signedInActor(parts.db, account.id) }
}
const issue = (person: { email: string; password: string }, tenant?: string) => issueToken(parts, { ...person, name: 'ci', expiresInDays: 30, tenant }, client)
const bearer = (token: string) => authenticate({ authorization: `Bearer ${token}` }, runtime)

describe('a session', () => {
  async function signIn() {
    const { account } = await member()
    const user = await parts.db.user.findUniqueOrThrow({ where: { id: account.id } })
    const sid = await openSession(parts.db, user, { address: '192.0.2.1', userAgent: 'Browser\u0000/1' })
    const cookie = `other=1; ${sessionCookieName(parts.config.publicUrl)}=${await writeSessionCookie({ sub: user.id, sid }, secret)}`
    return { user, sid, cookie }
  }

  it('is the actor of its cookie until it is revoked', async () => {
    const { user, sid, cookie } = await signIn()
    const actor = await authenticate({ cookie }, runtime)
    expect(actor).toEqual({ kind: 'session', credentialId: sid, userId: user.id, email: user.email, name: 'Ada', operator: false, tenantId: null })
    expect(await isStillAuthenticated(parts.db, actor!)).toBe(true)
    await revokeSession(parts.db, { userId: user.id, id: sid })
    expect(await authenticate({ cookie }, runtime)).toBeNull()
    expect(await isStillAuthenticated(parts.db, actor!)).toBe(false)
  })
  it('ends by its row, whatever the cookie says', async () => {
    const { user, sid, cookie } = await signIn()
    await parts.db.session.update({ where: { id: sid }, data: { expiresAt: new Date(Date.now() - 1) } })
    expect(await authenticate({ cookie }, runtime)).toBeNull()
    const again = await signIn()
    await parts.db.user.update({ where: { id: again.user.id }, data: { disabledAt: new Date() } })
    expect(await authenticate({ cookie: again.cookie }, runtime)).toBeNull()
    expect(user.id).not.toBe(again.user.id)
  })
  it('is refused when the cookie is of another secret, changed, without a row or under the name for plain HTTP', async () => {
    const { user, sid } = await signIn()
    const name = sessionCookieName(parts.config.publicUrl)
    const good = await writeSessionCookie({ sub: user.id, sid }, secret)
    const wrong = [`${name}=${await writeSessionCookie({ sub: user.id, sid }, 'another secret')}`, `${name}=${good.slice(0, -2)}xx`, `${name}=`, `${name}=${'x'.repeat(9000)}`, `${name}=${await writeSessionCookie({ sub: user.id, sid: randomUUID() }, secret)}`, undefined]
    for (const cookie of wrong) expect(await authenticate({ cookie }, runtime)).toBeNull()
    const overHttps = { ...runtime, config: { publicUrl: 'https://console.test' } }
    expect(await authenticate({ cookie: `${name}=${good}` }, overHttps)).toBeNull()
    expect(await authenticate({ cookie: `__Host-${name}=${good}` }, overHttps)).not.toBeNull()
    expect(await authenticate({ cookie: `__Secure-${name}=${good}` }, overHttps)).toBeNull()
  })
  it('does not stand in for a token that is wrong', async () => {
    const { cookie } = await signIn()
    expect(await authenticate({ cookie, authorization: 'Bearer hyp_wrong' }, runtime)).toBeNull()
    expect(await authenticate({ cookie, authorization: '' }, runtime)).toBeNull()
  })
  it('writes when it was last seen seldom', async () => {
    const { sid, cookie } = await signIn()
    const before = await parts.db.session.findUniqueOrThrow({ where: { id: sid } })
    await authenticate({ cookie }, runtime)
    expect((await parts.db.session.findUniqueOrThrow({ where: { id: sid } })).lastSeenAt).toEqual(before.lastSeenAt)
    await parts.db.session.update({ where: { id: sid }, data: { lastSeenAt: new Date(Date.now() - 600_000) } })
    await authenticate({ cookie }, runtime)
    expect((await parts.db.session.findUniqueOrThrow({ where: { id: sid } })).lastSeenAt.getTime()).toBeGreaterThan(Date.now() - 300_000)
  })
  it('is never taken from a bearer', async () => {
    const { user, sid } = await signIn()
    expect(await bearer(await writeSessionCookie({ sub: user.id, sid }, secret))).toBeNull()
  })
})

describe('a token', () => {
  it('is the actor of its bearer, in its own tenant only', async () => {
    const [a, b] = [await member(), await member()]
    await insertMembership(parts.db, { tenantId: b.tenant.id, userId: a.account.id, role: 'member' })
    const { token } = await issue(a.person)
    expect(token).toMatch(/^hyp_[0-9A-Za-z]{43}$/)
    const actor = await bearer(token)
    expect(actor).toMatchObject({ kind: 'token', userId: a.account.id, tenantId: a.tenant.id })
    expect((await resolveScope(parts.db, actor!, a.tenant.slug))?.tenantId).toBe(a.tenant.id)
    expect((await resolveScope(parts.db, actor!, a.tenant.id))?.role).toBe('admin')
    expect(await resolveScope(parts.db, actor!, b.tenant.slug)).toBeNull()
    expect((await resolveScope(parts.db, a.actor, b.tenant.slug))?.role).toBe('member')
  })
  it('belongs to the tenant that is named, or to the first', async () => {
    const [a, b] = [await member(), await member()]
    await insertMembership(parts.db, { tenantId: b.tenant.id, userId: a.account.id, role: 'member' })
    expect((await issue(a.person)).tenant).toBe(a.tenant.slug)
    expect((await issue(a.person, b.tenant.slug)).tenant).toBe(b.tenant.slug)
    await expect(issue(b.person, a.tenant.slug)).rejects.toMatchObject({ code: 'not_found' })
    await expect(issue(b.person, 'no-such')).rejects.toMatchObject({ code: 'not_found' })
  })
  it('ends when it is revoked, over its time, or its owner disabled', async () => {
    const { person, account, tenant, actor } = await member()
    const scope = await resolveScope(parts.db, actor, tenant.id)
    const [first, second] = [await issue(person), await issue(person)]
    await revokeToken(parts.db, scope!, { id: first.id }, client)
    expect(await bearer(first.token)).toBeNull()
    await expect(revokeToken(parts.db, scope!, { id: first.id }, client)).rejects.toMatchObject({ code: 'not_found' })
    const held = await bearer(second.token)
    expect(await isStillAuthenticated(parts.db, held!)).toBe(true)
    await parts.db.$executeRaw`update "ApiToken" set "createdAt" = now() - interval '2 days', "expiresAt" = now() - interval '1 second' where "id" = ${second.id}::uuid`
    expect(await bearer(second.token)).toBeNull()
    expect(await isStillAuthenticated(parts.db, held!)).toBe(false)
    expect((await listTokens(parts.db, scope!)).tokens.map((t) => t.state).sort()).toEqual(['expired', 'revoked'])
    const third = await issue(person)
    await parts.db.user.update({ where: { id: account.id }, data: { disabledAt: new Date() } })
    expect(await bearer(third.token)).toBeNull()
    await expect(issue(person)).rejects.toMatchObject({ code: 'failed_precondition' })
  })
  it('makes no other token, and cannot be made for a password that is wrong', async () => {
    const { person, tenant } = await member()
    const actor = await bearer((await issue(person)).token)
    const scope = await resolveScope(parts.db, actor!, tenant.id)
    expect(() => createToken(parts.db, scope!, { name: 'more', expiresInDays: 1 }, client)).toThrow('A token cannot make tokens')
    await expect(issue({ ...person, password: 'wrong password' })).rejects.toMatchObject({ code: 'unauthenticated' })
  })
  it('is seen and revoked by its owner and by administrators', async () => {
    const [a, b] = [await member(), await member()]
    await insertMembership(parts.db, { tenantId: a.tenant.id, userId: b.account.id, role: 'member' })
    const own = await issue(b.person, a.tenant.id)
    const others = await issue(a.person)
    const asMember = await resolveScope(parts.db, b.actor, a.tenant.id)
    expect((await listTokens(parts.db, asMember!)).tokens.map((t) => t.id)).toEqual([own.id])
    await expect(revokeToken(parts.db, asMember!, { id: others.id }, client)).rejects.toMatchObject({ code: 'not_found' })
    const asAdmin = await resolveScope(parts.db, a.actor, a.tenant.id)
    expect((await listTokens(parts.db, asAdmin!)).tokens).toHaveLength(2)
    const elsewhere = await resolveScope(parts.db, b.actor, b.tenant.id)
    await expect(revokeToken(parts.db, elsewhere!, { id: others.id }, client)).rejects.toMatchObject({ code: 'not_found' })
    await revokeToken(parts.db, asAdmin!, { id: own.id }, client)
    expect(await bearer(own.token)).toBeNull()
  })
  it.each(['Basic abc', 'Bearer', 'Bearer hyp_', `Bearer ${newApiToken().text}`, `Bearer ${newApiToken().text}x`, "Bearer hyp_' or 1=1 --"])('refuses %j', async (authorization) => {
    expect(await authenticate({ authorization }, runtime)).toBeNull()
  })
})

describe('a scope', () => {
  it('is for members, operators included', async () => {
    const [a, b] = [await member(), await member()]
    await parts.db.user.update({ where: { id: b.account.id }, data: { operator: true } })
    const operator = await signedInActor(parts.db, b.account.id)
    expect(operator.operator).toBe(true)
    for (const reference of [a.tenant.slug, a.tenant.id, a.tenant.slug.toUpperCase(), '', 'x\u0000', '%', 'no-such']) expect(await resolveScope(parts.db, operator, reference)).toBeNull()
  })
  it('ends with the membership', async () => {
    const { account, tenant, actor } = await member()
    await parts.db.membership.deleteMany({ where: { userId: account.id } })
    expect(await resolveScope(parts.db, actor, tenant.slug)).toBeNull()
  })
  it('cannot be copied', async () => {
    const { tenant, actor } = await member()
    const scope = await resolveScope(parts.db, actor, tenant.slug)
    const forged: unknown = Object.create(Scope.prototype, Object.getOwnPropertyDescriptors(scope))
    expect(forged).toBeInstanceOf(Scope)
    if (forged instanceof Scope) expect(() => forged.tenantId).toThrow()
  })
})

describe('wrong passwords', () => {
  const limits = { ...defaultLimits, signInByEmailAndAddress: { points: 3, seconds: 900 }, signInByEmail: { points: 5, seconds: 3600 } }
  const guess = (email: string, password: string, address = '203.0.113.1') => checkCredentials({ db: parts.db, limits }, { email, password }, address)

  it('are counted for an e-mail from one address, and right ones are not', async () => {
    const { person } = await member()
    for (let i = 0; i < 5; i++) await guess(person.email, person.password)
    for (let i = 0; i < 3; i++) await expect(guess(person.email, 'wrong password')).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(guess(person.email, person.password)).rejects.toMatchObject({ code: 'rate_limited', message: expect.stringMatching(/^Too many attempts. Try again in \d+ minutes\.$/) })
    await guess(person.email, person.password, '203.0.113.2')
  })
  it('are counted over all addresses too, many at once included', async () => {
    const { person } = await member()
    const results = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => guess(person.email, 'wrong password', `203.0.113.${10 + i}`)))
    const codes = results.map((r) => (r.status === 'rejected' ? String(Object(r.reason).code) : 'signed in'))
    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(5)
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(4)
  })
  it('answer alike whether the e-mail is known or not', async () => {
    const { person } = await member()
    const [known, unknown] = await Promise.all([guess(person.email, 'wrong password', '203.0.113.3').catch((e: unknown) => e), guess('nobody@example.com', 'wrong password', '203.0.113.3').catch((e: unknown) => e)])
    expect(unknown).toEqual(known)
  })
})

it('an actor of a token names one tenant', async () => {
  const { person } = await member()
  const actor: Actor | null = await bearer((await issue(person)).token)
  expect(Object.keys(actor ?? {}).sort()).toEqual(['credentialId', 'email', 'kind', 'name', 'operator', 'tenantId', 'userId'])
})
