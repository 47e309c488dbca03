import { decode, encode } from 'next-auth/jwt'
import { z } from 'zod'

/** A browser stays signed in for so long; the session's row holds the time, the cookie only repeats it. */
export const sessionSeconds = 14 * 86_400

/** What the cookie's JWT carries besides NextAuth's own times: the person and the row that can be revoked. */
const sessionClaims = z.object({ sub: z.uuid(), sid: z.uuid() })
export type SessionClaims = z.infer<typeof sessionClaims>

export const usesSecureCookies = (publicUrl: string): boolean => publicUrl.startsWith('https://')

/** NextAuth's name; with the prefix, browsers take it over HTTPS only and from this very host: a neighbour below the same domain cannot put one beside it. */
export const sessionCookieName = (publicUrl: string): string => `${usesSecureCookies(publicUrl) ? '__Host-' : ''}next-auth.session-token`

export const parseSessionClaims = (token: unknown): SessionClaims | null => sessionClaims.safeParse(token).data ?? null

/** The claims of the session cookie in a Cookie header; null when there is none that we encrypted and that is still good. */
export async function readSessionCookie(cookieHeader: string | undefined, publicUrl: string, secret: string): Promise<SessionClaims | null> {
  const name = `${sessionCookieName(publicUrl)}=`
  const value = cookieHeader?.split(/;\s*/).find((part) => part.startsWith(name))?.slice(name.length)
  if (!value || value.length > 4096) return null
  try {
    return parseSessionClaims(await decode({ token: value, secret }))
  } catch {
    return null // not ours, changed, or over its time
  }
}

/** The cookie's value as NextAuth itself writes it. */
export const writeSessionCookie = (claims: SessionClaims, secret: string): Promise<string> => encode({ token: claims, secret, maxAge: sessionSeconds })
