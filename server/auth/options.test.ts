import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { NextApiRequest, NextApiResponse } from 'next'
import NextAuth from 'next-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { approve } from '@/server/services/accounts/approvals'
import { signUp } from '@/server/services/accounts/sign-up'
import { listSessions } from '@/server/services/accounts/sessions'
import { authenticate } from './authenticate'
import { authOptions } from './options'
import { defaultLimits } from './rate-limits'
import { setAuthRuntime, authRuntime, type AuthRuntime } from './runtime'
import { newPerson, openTestParts, signedInActor, type TestParts } from './testing/test-parts'

/** NextAuth's endpoints on a server of this test's own, as its handler for Node requests serves them. */
async function serveAuth(options: () => ReturnType<typeof authOptions>): Promise<Server> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://x')
      const cookies = Object.fromEntries((request.headers.cookie ?? '').split('; ').map((part) => [part.split('=')[0], decodeURIComponent(part.slice(part.indexOf('=') + 1))]))
      const query = { ...Object.fromEntries(url.searchParams), nextauth: url.pathname.split('/').slice(3) }
      const asNext: unknown = Object.assign(request, { body: Object.fromEntries(new URLSearchParams(body)), cookies, query })
      const answer: unknown = Object.assign(response, {
        status: (code: number) => Object.assign(response, { statusCode: code }),
        json: (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value)),
        send: (value: unknown) => response.end(typeof value === 'string' ? value : JSON.stringify(value)),
      })
      void NextAuth(asNext as NextApiRequest, answer as NextApiResponse, options())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A browser: keeps cookies, sends the CSRF token, and says that it is at `address`. */
class Browser {
  readonly cookies = new Map<string, string>()
  readonly setCookies: string[] = []
  constructor(
    private readonly base: string,
    private readonly address = '198.51.100.1',
  ) {}

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async call(path: string, form?: Record<string, string>): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.base}/api/auth/${path}`, {
      method: form ? 'POST' : 'GET',
      headers: { cookie: this.cookie, 'user-agent': 'Browser/1', 'x-forwarded-for': `10.9.9.9, ${this.address}` },
      ...(form ? { body: new URLSearchParams(form) } : {}),
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) {
      this.setCookies.push(line)
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
    const text = await response.text()
    return { status: response.status, body: text ? JSON.parse(text) : null }
  }

  async post(path: string, form: Record<string, string>) {
    const { csrfToken } = z.object({ csrfToken: z.string() }).parse((await this.call('csrf')).body)
    return this.call(path, { ...form, csrfToken, json: 'true' })
  }

  /** Signs in; the error code of the page's address, or null. */
  async signIn(person: { email: string; password: string }): Promise<string | null> {
    const { body } = await this.post('callback/credentials', { email: person.email, password: person.password })
    return new URL(z.object({ url: z.string() }).parse(body).url).searchParams.get('error')
  }
}

const client = { address: '192.0.2.7' }
let parts: TestParts
let server: Server
let base: string
let runtime: AuthRuntime
beforeAll(async () => {
  parts = await openTestParts()
  runtime = { ...parts, config: { publicUrl: 'http://console.test:3000' }, sessionSecret: 'a secret of this test alone, 32 b' }
  setAuthRuntime(runtime)
  server = await serveAuth(() => authOptions())
  const address = server.address()
  base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await parts.close()
})

describe('a browser', () => {
  it('signs in, is known, and is not after it signed out', async () => {
    const person = newPerson()
    const { account } = await signUp(parts, person, client)
    const browser = new Browser(base)
    expect(await browser.signIn({ ...person, email: ` ${person.email.toUpperCase()} ` })).toBeNull()
    expect((await browser.call('session')).body).toMatchObject({ user: { id: account.id, email: person.email, name: 'Ada', operator: false } })
    const actor = await authenticate({ cookie: browser.cookie })
    expect(actor).toMatchObject({ kind: 'session', userId: account.id })
    expect((await listSessions(parts.db, actor!)).sessions).toMatchObject([{ userAgent: 'Browser/1', address: '198.51.100.1', current: true }])
    const kept = browser.cookie
    await browser.post('signout', {})
    expect(browser.cookie).not.toContain('session-token')
    expect(await authenticate({ cookie: kept })).toBeNull()
  })

  it('loses its cookie when the session is revoked', async () => {
    const person = newPerson()
    const { account } = await signUp(parts, person, client)
    const browser = new Browser(base)
    await browser.signIn(person)
    await parts.db.session.updateMany({ where: { userId: account.id }, data: { revokedAt: new Date() } })
    expect((await browser.call('session')).body).toEqual({})
    expect(browser.cookie).not.toContain('session-token')
  })

  it('is told by a code why it is refused', async () => {
    const guarded = { ...parts, config: { ...parts.config, signUp: 'approval' as const } }
    const person = newPerson()
    const { account } = await signUp(guarded, person, client)
    const browser = new Browser(base)
    expect(await browser.signIn({ ...person, password: 'not that one' })).toBe('wrong')
    expect(await browser.signIn({ email: '', password: '' })).toBe('wrong')
    expect(await browser.signIn(person)).toBe('pending')
    await approve(parts, await signedInActor(parts.db, await anyone()), { id: account.id }, client)
    expect(await browser.signIn(person)).toBeNull()
    await parts.db.user.update({ where: { id: account.id }, data: { disabledAt: new Date() } })
    expect(await browser.signIn(person)).toBe('disabled')
  })

  it('is told when to try again, and an address that a client writes itself does not help', async () => {
    const person = newPerson()
    await signUp(parts, person, client)
    setAuthRuntime({ ...runtime, limits: { ...defaultLimits, signInByEmailAndAddress: { points: 2, seconds: 900 } } })
    try {
      const browser = new Browser(base, '198.51.100.77')
      for (let i = 0; i < 2; i++) expect(await browser.signIn({ ...person, password: 'not that one' })).toBe('wrong')
      expect(await new Browser(base, '203.0.113.5, 198.51.100.77').signIn(person)).toMatch(/^rate_limited\.\d+$/)
    } finally {
      setAuthRuntime(runtime)
    }
  })

  it('does not sign in without the CSRF token', async () => {
    const person = newPerson()
    await signUp(parts, person, client)
    const browser = new Browser(base)
    await browser.call('callback/credentials', { email: person.email, password: person.password, json: 'true' })
    expect(browser.cookie).not.toContain('session-token')
  })

  it('gets cookies for HTTPS alone where the public address is HTTPS', () => {
    expect(authOptions({ ...authRuntime(), config: { publicUrl: 'https://console.test' } }).useSecureCookies).toBe(true)
  })

  it.each([['http://console.test:3000', /^next-auth\.session-token=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/], ['https://console.test', /^__Host-next-auth\.session-token=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/]])('gets a session’s cookie that no script and no other host writes, at %s', async (publicUrl, wanted) => {
    const person = newPerson()
    await signUp(parts, person, client)
    setAuthRuntime({ ...runtime, config: { publicUrl } })
    try {
      const browser = new Browser(base)
      await browser.signIn(person)
      expect(browser.setCookies.filter((line) => line.includes('session-token'))).toEqual([expect.stringMatching(wanted)])
    } finally {
      setAuthRuntime(runtime)
    }
  })

  it('gets a session of its own at each sign-in, whatever it brought', async () => {
    const [victim, attacker] = [newPerson(), newPerson()]
    const { account } = await signUp(parts, victim, client)
    await signUp(parts, attacker, client)
    const planted = new Browser(base)
    await planted.signIn(attacker)
    const browser = new Browser(base)
    for (const [name, value] of planted.cookies) browser.cookies.set(name, value)
    const before = browser.cookie
    expect(await browser.signIn(victim)).toBeNull()
    expect(browser.cookie).not.toBe(before)
    expect(await authenticate({ cookie: browser.cookie })).toMatchObject({ userId: account.id })
    expect(await authenticate({ cookie: before }), 'what was planted is nobody new').not.toMatchObject({ userId: account.id })
  })
})

const anyone = async () => (await signUp(parts, newPerson(), client)).account.id

it('logs no password', () => {
  expect(parts.logged()).not.toMatch(/not that one|long enough/)
})
