import type { MeView, RevocationResult, SessionView } from '@/domain/account/view'
import { notFound } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { listActiveSessions, revokeSession as revokeSessionRow, revokeSessions } from '@/server/store/sessions'
import { listMemberships } from '@/server/store/tenants'
import { countActiveTokensOfUser, revokeTokensOfUser } from '@/server/store/tokens'
import { recordAccountAudit } from '@/server/store/users'
import type { Client } from './parts'

/** Who is signed in, and their tenants; with a token only the one that it belongs to. */
export async function me(db: DatabaseClient, actor: Actor): Promise<MeView> {
  const memberships = await listMemberships(db, actor.userId, actor.tenantId)
  return {
    user: { id: actor.userId, email: actor.email, name: actor.name, operator: actor.operator },
    tenants: memberships.map(({ role, tenant: { id, slug, name } }) => ({ id, slug, name, role })),
  }
}

/** The browsers that the person is signed in with. */
export async function listSessions(db: DatabaseClient, actor: Actor): Promise<{ sessions: SessionView[] }> {
  const rows = await listActiveSessions(db, actor.userId)
  return {
    sessions: rows.map(({ id, userAgent, address, createdAt, lastSeenAt, expiresAt }) => ({
      id, userAgent, address,
      createdAt: createdAt.toISOString(),
      lastSeenAt: lastSeenAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
      current: id === actor.credentialId,
    })),
  }
}

/** Ends one of the person's own sessions. Throws `not_found` for any other. */
export function revokeSession(db: DatabaseClient, actor: Actor, input: { id: string }, client: Client): Promise<Record<string, never>> {
  return inTransaction(db, async (tx) => {
    if (!(await revokeSessionRow(tx, { userId: actor.userId, id: input.id }))) throw notFound('Session', input.id)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'session.revoke', name: input.id, address: client.address })
    return {}
  })
}

/**
 * Ends all of the person's sessions, this one too. API tokens run what nobody sits in front of, so they go only where
 * `tokens` asks for it; the answer says how many are left.
 */
export function signOutEverywhere(db: DatabaseClient, actor: Actor, input: { tokens: boolean }, client: Client): Promise<RevocationResult> {
  return inTransaction(db, async (tx) => {
    const sessionsRevoked = await revokeSessions(tx, actor.userId)
    const tokensRevoked = input.tokens ? await revokeTokensOfUser(tx, actor.userId) : 0
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'account.signOutEverywhere', name: actor.email, address: client.address })
    return { sessionsRevoked, tokensRevoked, tokensLeft: await countActiveTokensOfUser(tx, actor.userId) }
  })
}
