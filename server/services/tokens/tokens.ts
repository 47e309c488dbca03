import type { IssueTokenInput } from '@/domain/account/input'
import type { IssuedToken, TokenView } from '@/domain/account/token'
import { DomainError, notFound } from '@/domain/shared/errors'
import { resolveScope } from '@/server/auth/authenticate'
import { checkCredentials } from '@/server/auth/check-credentials'
import type { Actor, Scope } from '@/server/auth/scope'
import { newApiToken } from '@/server/auth/secret-text'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { listMemberships } from '@/server/store/tenants'
import { countActiveTokens, insertToken, listTokens as listTokenRows, revokeToken as revokeTokenRow } from '@/server/store/tokens'
import type { AccountParts, Client } from '../accounts/parts'

const maxTokens = 200

/**
 * Makes a token from an e-mail and a password, for scripts that have no browser. Counted as a sign-in. Without `tenant` it
 * belongs to the first tenant that the person joined. Throws what {@link checkCredentials} throws, and `not_found`.
 */
export async function issueToken(parts: AccountParts, input: IssueTokenInput, client: Client): Promise<IssuedToken> {
  const user = await checkCredentials(parts, input, client.address)
  const actor: Actor = { kind: 'session', credentialId: 'token.issue', userId: user.id, email: user.email, name: user.name, operator: user.operator, tenantId: null }
  const reference = input.tenant ?? (await listMemberships(parts.db, user.id))[0]?.tenant.id
  if (!reference) throw new DomainError('failed_precondition', 'You are in no tenant: ask for an invitation.')
  const scope = await resolveScope(parts.db, actor, reference)
  if (!scope?.allows('token.write')) throw notFound('Tenant', reference)
  return makeToken(parts.db, scope, input, client)
}

/** Makes a token of the scope's tenant. Only a signed-in person may: a token that could make others would outlive itself. */
export function createToken(db: DatabaseClient, scope: Scope, input: { name: string; expiresInDays: number }, client: Client): Promise<IssuedToken> {
  if (scope.actor.kind !== 'session') throw new DomainError('failed_precondition', 'A token cannot make tokens: sign in with a browser, or use token.issue.')
  return makeToken(db, scope, input, client)
}

function makeToken(db: DatabaseClient, scope: Scope, input: { name: string; expiresInDays: number }, client: Client): Promise<IssuedToken> {
  const { text, hash, prefix } = newApiToken()
  return inTransaction(db, async (tx) => {
    if ((await countActiveTokens(tx, scope)) >= maxTokens) throw new DomainError('failed_precondition', `The tenant has ${maxTokens} tokens: revoke one first.`)
    const row = await insertToken(tx, scope, { name: input.name, prefix, tokenHash: hash, expiresAt: new Date(Date.now() + input.expiresInDays * 86_400_000) })
    await recordAudit(tx, scope, { action: 'token.create', kind: 'Token', name: input.name, address: client.address })
    return { token: text, id: row.id, tenant: scope.tenantSlug, expiresAt: row.expiresAt.toISOString() }
  })
}

/** The tenant's tokens, newest first: all of them for an administrator, their own for a member. */
export async function listTokens(db: DatabaseClient, scope: Scope): Promise<{ tokens: TokenView[] }> {
  const now = new Date()
  const rows = await listTokenRows(db, scope)
  return {
    tokens: rows.map((row) => ({
      id: row.id, name: row.name, prefix: row.prefix,
      owner: row.user.email,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
      state: row.revokedAt ? 'revoked' : row.expiresAt <= now ? 'expired' : 'active',
    })),
  }
}

/** Ends a token at once; open sockets of it close. Throws `not_found` for one that is not there, not the caller's to see, or revoked. */
export function revokeToken(db: DatabaseClient, scope: Scope, input: { id: string }, client: Client): Promise<Record<string, never>> {
  return inTransaction(db, async (tx) => {
    const token = await revokeTokenRow(tx, scope, input.id)
    if (!token) throw notFound('Token', input.id)
    await recordAudit(tx, scope, { action: 'token.revoke', kind: 'Token', name: token.name, address: client.address })
    return {}
  })
}
