import type { Database } from '@/server/store/database'
import { findActiveSession, touchSession } from '@/server/store/sessions'
import { findMembership } from '@/server/store/tenants'
import { findActiveToken, touchToken } from '@/server/store/tokens'
import { authRuntime, type AuthRuntime } from './runtime'
import { Scope, type Actor, type Origin } from './scope'
import { hashSecretText, isApiToken } from './secret-text'
import { readSessionCookie } from './session-cookie'

/** The headers that authenticate, of a Node request, a fetch request or a page alike. */
export type CredentialHeaders = { cookie?: string | undefined; authorization?: string | undefined }

/**
 * Who asks: the actor of a bearer token or of a session cookie, or null. Every call reads the row, so a revocation counts at
 * once. A request that carries a token is judged by it alone: a wrong one does not fall back to a cookie.
 */
export async function authenticate(headers: CredentialHeaders, runtime: AuthRuntime = authRuntime()): Promise<Actor | null> {
  if (headers.authorization !== undefined) return authenticateToken(runtime.db, headers.authorization)
  const claims = await readSessionCookie(headers.cookie, runtime.config.publicUrl, runtime.sessionSecret)
  return claims ? authenticateSession(runtime.db, claims.sid) : null
}

/** The actor of a session's row; null when it is revoked, over its time, or its user may not sign in. */
export async function authenticateSession(db: Database, sessionId: string): Promise<Actor | null> {
  const session = await findActiveSession(db, sessionId)
  if (!session) return null
  await touchSession(db, session)
  const { user } = session
  return { kind: 'session', credentialId: session.id, userId: user.id, email: user.email, name: user.name, operator: user.operator, tenantId: null }
}

async function authenticateToken(db: Database, authorization: string): Promise<Actor | null> {
  const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (!text || !isApiToken(text)) return null
  const token = await findActiveToken(db, hashSecretText(text))
  if (!token) return null
  await touchToken(db, token)
  const { user } = token
  return { kind: 'token', credentialId: token.id, userId: user.id, email: user.email, name: user.name, operator: user.operator, tenantId: token.tenantId }
}

/** Whether an actor's session or token is still good: for sockets, which outlive the request that opened them. */
export async function isStillAuthenticated(db: Database, actor: Actor): Promise<boolean> {
  if (actor.kind === 'session') return (await findActiveSession(db, actor.credentialId)) !== null
  return (await findActiveToken(db, { id: actor.credentialId })) !== null
}

/**
 * The scope of a tenant named by slug or id, or null: when it does not exist, when the actor is no member, and when the
 * token is of another tenant. Operators are no exception: what tenants own is theirs.
 */
export async function resolveScope(db: Database, actor: Actor, reference: string, origin?: Origin): Promise<Scope | null> {
  const membership = await findMembership(db, actor.userId, reference)
  if (!membership || (actor.tenantId !== null && actor.tenantId !== membership.tenant.id)) return null
  return Scope.mint(membership.tenant, membership.role, actor, origin)
}
