import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newPerson, openTestParts, signedInActor, type TestParts } from '@/server/auth/testing/test-parts'
import { authenticate } from '@/server/auth/authenticate'
import type { Actor } from '@/server/auth/scope'
import type { HostStreams } from '@/server/services/host-streams'
import { FeedReader } from '@/server/store/feed-reader'
import { createCallerFactory, router } from '../trpc'
import { accountRouter } from './account'
import { mailRouter } from './mail'
import { tokenRouter } from './token'

const createCaller = createCallerFactory(router({ account: accountRouter, token: tokenRouter, mail: mailRouter }))
const noHosts: HostStreams = {
  open: () => Promise.reject(new Error('no hosts here')),
  issueTicket: () => {
    throw new Error('no hosts here')
  },
}

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())

const as = (actor: Actor | null) =>
  createCaller({ ...parts, feed: new FeedReader(parts.db, parts.url, () => {}), streams: noHosts, forwards: { open: () => '' }, actor, requestId: randomUUID(), address: '192.0.2.7', userAgent: 'test' })

describe('account, token and mail over the ladder', () => {
  it('sign-up, token, tenant: the path of a script', async () => {
    const person = newPerson()
    const { account, tenant } = await as(null).account.signUp(person)
    const { token } = await as(null).token.issue({ email: person.email, password: person.password, name: 'ci', expiresInDays: 7 })
    const actor = await authenticate({ authorization: `Bearer ${token}` }, { ...parts, sessionSecret: 'unused' })
    const script = as(actor)
    expect(await script.account.me()).toEqual({ user: account, tenants: [tenant] })
    expect((await script.token.list({ tenant: tenant.slug })).tokens).toMatchObject([{ name: 'ci', prefix: token.slice(0, 10), state: 'active', owner: person.email }])
    await expect(script.token.create({ tenant: tenant.slug, name: 'more', expiresInDays: 1 })).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' })
    await expect(script.account.sessions()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await expect(script.account.signOutEverywhere({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('nobody is told to sign in, a stranger finds no tenant, an ordinary person no operator', async () => {
    const [a, b] = [await as(null).account.signUp(newPerson()), await as(null).account.signUp(newPerson())]
    const stranger = as(await signedInActor(parts.db, b.account.id))
    await expect(as(null).account.me()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await expect(as(null).token.list({ tenant: a.tenant.slug })).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    const missing = await stranger.token.list({ tenant: 'no-such' }).catch((e: Error) => e.message.replace('no-such', 'X'))
    const invisible = await stranger.token.list({ tenant: a.tenant.slug }).catch((e: Error) => e.message.replace(a.tenant.slug, 'X'))
    expect(invisible).toEqual(missing)
    for (const refused of [stranger.mail.list({}), stranger.mail.get({ id: randomUUID() }), stranger.account.pending(), stranger.account.approve({ id: b.account.id })]) await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('an operator reads the mail that a reset left, and the person uses it', async () => {
    const person = newPerson()
    await as(null).account.signUp(person)
    const { account } = await as(null).account.signUp(newPerson())
    await parts.db.user.update({ where: { id: account.id }, data: { operator: true } })
    const operator = as(await signedInActor(parts.db, account.id))
    expect(await as(null).account.requestPasswordReset({ email: person.email })).toEqual({})
    expect(await as(null).account.requestPasswordReset({ email: 'nobody@example.com' })).toEqual({})
    const mail = await expect.poll(async () => (await operator.mail.list({})).mails.find((m) => m.recipient === person.email), { timeout: 10_000 }).toBeDefined().then(async () => (await operator.mail.list({})).mails[0])
    const { body } = await operator.mail.get({ id: mail!.id })
    const token = /token=(\w+)$/m.exec(body ?? '')?.[1] ?? ''
    expect(await as(null).account.resetPassword({ token, password: 'a new long password' })).toMatchObject({ sessionsRevoked: 0 })
  })

  it('wrong input has paths', async () => {
    const bad = await as(null).account.signUp({ email: 'x', password: 'short', name: '', organization: 'a\nb' }).catch((e: unknown) => e)
    expect(bad).toMatchObject({ code: 'BAD_REQUEST', cause: { problems: [{ path: 'email' }, { path: 'password' }, { path: 'name' }, { path: 'organization' }] } })
  })
})
