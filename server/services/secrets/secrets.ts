import { randomUUID } from 'node:crypto'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Secret } from '@/platform/crypto/secret'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from '@/server/store/database'
import { findSecret, findTenantKey, insertSecret } from '@/server/store/secrets'
import { unwrapTenantKey, unwrapValue, wrapValue } from './envelope'

/** Stores a secret wrapped by the tenant's key, which the platform's key ring wraps. Returns its id. */
export async function putSecret(tx: Transaction, keyRing: KeyRing, scope: Scope, purpose: string, value: Secret): Promise<string> {
  const id = randomUUID()
  const key = await openTenantKey(tx, keyRing, scope)
  await insertSecret(tx, scope, { id, purpose, wrappedValue: wrapValue(key, { id, purpose, tenantId: scope.tenantId }, value) })
  return id
}

/** The plain value of a secret of this tenant. Throws `not_found`; `internal` when it does not open. */
export async function openSecret(db: Database, keyRing: KeyRing, scope: Scope, id: string): Promise<Secret> {
  const row = await findSecret(db, scope, id)
  if (!row) throw notFound('Secret', id)
  return unwrapValue(await openTenantKey(db, keyRing, scope), row)
}

/** A digest of what a person sent, by the tenant's key: two equal inputs are known as such, and nothing can be guessed from it. */
export async function digestForTenant(db: Database, keyRing: KeyRing, scope: Scope, text: string): Promise<string> {
  return (await openTenantKey(db, keyRing, scope)).digest(Buffer.from(text))
}

async function openTenantKey(db: Database, keyRing: KeyRing, scope: Scope): Promise<KeyRing> {
  const row = await findTenantKey(db, scope)
  if (!row) throw new DomainError('internal', 'Something went wrong.', { internal: `tenant ${scope.tenantId} has no key` })
  return unwrapTenantKey(keyRing, scope.tenantId, row.wrappedKey)
}
