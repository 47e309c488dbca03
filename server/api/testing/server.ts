import { randomBytes } from 'node:crypto'
import { loadConfig } from '@/platform/config'
import { KeyRing } from '@/platform/crypto/key-ring'
import { logger } from '@/platform/logger'
import { appRouter } from '@/server/api/root'
import { createCallerFactory, type ApiContext } from '@/server/api/trpc'
import { authenticate } from '@/server/auth/authenticate'
import { openSession } from '@/server/auth/open-session'
import { setAuthRuntime } from '@/server/auth/runtime'
import { sessionCookieName, writeSessionCookie } from '@/server/auth/session-cookie'
import type { Actor } from '@/server/auth/scope'
import { DomainError } from '@/domain/shared/errors'
import { FeedReader } from '@/server/store/feed-reader'
import { openDatabase } from '@/server/store/database'
import { createTestDatabase } from '@/tools/testing/database'

const createCaller = createCallerFactory(appRouter)
export type TestCaller = ReturnType<typeof createCaller>

/** The server's procedures over a real database of the test's own, without HTTP and without hosts. */
export async function startTestServer() {
  const database = await createTestDatabase()
  const db = openDatabase(database.url)
  const log = logger('test')
  log.level = process.env.HYPERNETES_LOG_LEVEL ?? 'silent'
  const feed = new FeedReader(db, database.url, () => {})
  await feed.start()
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: database.url })
  const noHost = () => Promise.reject(new DomainError('unavailable', 'The host of this pod is not connected.'))
  const server = { db, config, keyRing: KeyRing.ofKey('test', randomBytes(32)), log, feed, streams: { open: noHost, issueTicket: () => 'ticket' }, forwards: { open: () => 'http://label.forward.localhost/' } }
  const sessionSecret = randomBytes(32).toString('base64url')
  setAuthRuntime({ db, config, log, sessionSecret })
  const context = (actor: Actor | null): ApiContext => ({ ...server, actor, requestId: 'test', address: '127.0.0.1', userAgent: 'test' })
  const nobody = createCaller(context(null))
  const actorOf = (token: string) => authenticate({ authorization: `Bearer ${token}` })
  return {
    db, server, context, nobody,
    url: database.url,
    callerOf: (actor: Actor | null) => createCaller(context(actor)),
    callerWithToken: async (token: string) => createCaller(context(await actorOf(token))),
    actorOf,
    /** Signs a person up and gives their token's caller, the token and the tenant. */
    async signUp(name: string) {
      const account = { email: `${name}@example.com`, password: `a long password of ${name}`, name, organization: name }
      const { tenant } = await nobody.account.signUp(account)
      const { token } = await nobody.token.issue({ email: account.email, password: account.password, name: 'test', expiresInDays: 1 })
      const actor = await actorOf(token)
      if (!tenant || !actor) throw new Error('the test could not sign up')
      return { tenant, token, actor, account, caller: createCaller(context(actor)) }
    },
    /** The Cookie header of a browser in which a person has just signed in. */
    async cookieOf(userId: string) {
      const user = await db.user.findUniqueOrThrow({ where: { id: userId } })
      const sid = await openSession(db, user, { address: '127.0.0.1', userAgent: 'test' })
      return `${sessionCookieName(config.publicUrl)}=${await writeSessionCookie({ sub: userId, sid }, sessionSecret)}`
    },
    async stop() {
      await feed.close()
      await db.$disconnect()
      await database.drop()
    },
  }
}
