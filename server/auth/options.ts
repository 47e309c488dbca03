import type { NextAuthOptions } from 'next-auth'
import CredentialsProvider from 'next-auth/providers/credentials'
import { signInInput } from '@/domain/account/input'
import { signInErrorCode, type SignInRefusal } from '@/domain/account/sign-in-error'
import { findActiveSession, revokeSession } from '@/server/store/sessions'
import { AccountClosedError, checkCredentials } from './check-credentials'
import { clientAddress } from './client-address'
import { RateLimitedError } from './rate-limits'
import { authRuntime, type AuthRuntime } from './runtime'
import { openSession } from './open-session'
import { parseSessionClaims, sessionCookieName, sessionSeconds, usesSecureCookies } from './session-cookie'
import { DomainError } from '@/domain/shared/errors'

/** NextAuth's options. A function, since the process's parts are set after this module is loaded. */
export function authOptions(runtime: AuthRuntime = authRuntime()): NextAuthOptions {
  return {
    secret: runtime.sessionSecret,
    useSecureCookies: usesSecureCookies(runtime.config.publicUrl),
    cookies: { sessionToken: { name: sessionCookieName(runtime.config.publicUrl), options: { httpOnly: true, sameSite: 'lax', path: '/', secure: usesSecureCookies(runtime.config.publicUrl) } } },
    session: { strategy: 'jwt', maxAge: sessionSeconds },
    pages: { signIn: '/sign-in', error: '/sign-in' },
    providers: [
      CredentialsProvider({
        credentials: { email: { type: 'email' }, password: { type: 'password' } },
        authorize: (credentials, request) => signIn(runtime, credentials, request.headers),
      }),
    ],
    callbacks: {
      /** At sign-in NextAuth hands over the user; later only the token, whose row must still be good. */
      async jwt({ token, user }) {
        if (user) return { sub: user.id, sid: sessionIdOf(user) }
        const claims = parseSessionClaims(token)
        if (!claims || !(await findActiveSession(runtime.db, claims.sid))) throw new Error('the session has ended')
        return { ...claims }
      },
      async session({ session, token }) {
        const claims = parseSessionClaims(token)
        const row = claims ? await findActiveSession(runtime.db, claims.sid) : null
        if (!row) throw new Error('the session has ended')
        const { id, email, name, operator } = row.user
        return { ...session, user: { id, email, name, operator }, expires: row.expiresAt.toISOString() }
      },
    },
    events: {
      async signOut({ token }) {
        const claims = parseSessionClaims(token)
        if (claims) await revokeSession(runtime.db, { userId: claims.sub, id: claims.sid })
      },
    },
    logger: {
      // A session that has ended is no fault of the server's: NextAuth clears the cookie.
      error: (code) => (code === 'JWT_SESSION_ERROR' ? runtime.log.debug({ code }, 'a session cookie was refused') : runtime.log.error({ code }, 'NextAuth')),
      warn: (code) => runtime.log.warn({ code }, 'NextAuth'),
      debug: () => {},
    },
  }
}

type SignedInUser = { id: string; email: string; name: string; sid: string }

const sessionIdOf = (user: object): string => {
  if ('sid' in user && typeof user.sid === 'string') return user.sid
  throw new Error('a sign-in without a session')
}

/** Checks the credentials and opens a session. What it throws goes to the page as a code of `domain/account/sign-in-error`. */
async function signIn(runtime: AuthRuntime, credentials: unknown, headers: Record<string, unknown> | undefined): Promise<SignedInUser> {
  const input = signInInput.safeParse(credentials)
  if (!input.success) throw refused({ reason: 'wrong' })
  const address = clientAddress(headers)
  try {
    const user = await checkCredentials(runtime, input.data, address)
    const sid = await openSession(runtime.db, user, { address, userAgent: String(headers?.['user-agent'] ?? '') })
    return { id: user.id, email: user.email, name: user.name, sid }
  } catch (error) {
    throw refused(refusalOf(error, runtime))
  }
}

const refused = (refusal: SignInRefusal): Error => new Error(signInErrorCode(refusal))

function refusalOf(error: unknown, runtime: AuthRuntime): SignInRefusal {
  if (error instanceof RateLimitedError) return { reason: 'rate_limited', seconds: error.seconds }
  if (error instanceof AccountClosedError) return { reason: error.reason }
  if (error instanceof DomainError && error.code === 'unauthenticated') return { reason: 'wrong' }
  runtime.log.error({ err: error }, 'a sign-in failed')
  return { reason: 'internal' }
}
