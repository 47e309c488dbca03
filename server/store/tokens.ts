import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** `lastUsedAt` is written this seldom (milliseconds). */
const usedEvery = 60_000

const active = () => ({ revokedAt: null, expiresAt: { gt: new Date() } })

export type NewToken = { name: string; prefix: string; tokenHash: string; expiresAt: Date }

/** The token's owner is the scope's actor, its tenant the scope's. */
export const insertToken = (tx: Database, scope: Scope, token: NewToken) => tx.apiToken.create({ data: { ...token, tenantId: scope.tenantId, userId: scope.actor.userId } })

/** A token by its hash or id: not revoked, in its time, of a user who may sign in; else null. */
export const findActiveToken = (db: Database, by: string | { id: string }) =>
  db.apiToken.findFirst({
    where: { ...(typeof by === 'string' ? { tokenHash: by } : by), ...active(), user: { disabledAt: null, pending: false } },
    include: { user: { omit: { passwordHash: true } } },
  })

export async function touchToken(db: Database, token: { id: string; lastUsedAt: Date | null }): Promise<void> {
  if (token.lastUsedAt && Date.now() - token.lastUsedAt.getTime() < usedEvery) return
  await db.apiToken.updateMany({ where: { id: token.id }, data: { lastUsedAt: new Date() } })
}

/** Tokens of the tenant, newest first: an administrator sees all, a member their own. */
export const listTokens = (db: Database, scope: Scope) =>
  db.apiToken.findMany({ where: visible(scope), include: { user: { select: { email: true } } }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 500 })

export const countActiveTokens = (db: Database, scope: Scope) => db.apiToken.count({ where: { tenantId: scope.tenantId, ...active() } })

/** Ends a token that the scope's actor may see, and returns it; null when there is none such or it has ended already. */
export async function revokeToken(tx: Database, scope: Scope, id: string) {
  const [token] = await tx.apiToken.updateManyAndReturn({ where: { ...visible(scope), id, revokedAt: null }, data: { revokedAt: new Date() } })
  return token ?? null
}

/** Ends all tokens that a person made, in every tenant, and returns how many. */
export async function revokeTokensOfUser(tx: Database, userId: string): Promise<number> {
  return (await tx.apiToken.updateMany({ where: { userId, ...active() }, data: { revokedAt: new Date() } })).count
}

export const countActiveTokensOfUser = (db: Database, userId: string) => db.apiToken.count({ where: { userId, ...active() } })

const visible = (scope: Scope) => ({ tenantId: scope.tenantId, ...(scope.role === 'admin' ? {} : { userId: scope.actor.userId }) })
