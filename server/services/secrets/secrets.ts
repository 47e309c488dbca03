import { randomUUID } from 'node:crypto'
import { DomainError, notFound } from '@/domain/shared/errors'
import { KeyRing } from '@/platform/crypto/key-ring'
import { Secret } from '@/platform/crypto/secret'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from '@/server/store/database'
import { findSecret, findTenantKey, insertSecret } from '@/server/store/secrets'

/** Names the tenant's key inside a wrapped value, so that a second one can come beside it. */
const tenantKeyId = 't1'

/** What a wrapped value is bound to: moved to another row, tenant or purpose it does not open. */
const contextOf = (scope: Scope, id: string, purpose: string): string => `${scope.tenantId}/${id}/${purpose}`

/** Stores a secret wrapped by the tenant's key, which the platform's key ring wraps. Returns its id. */
export async function putSecret(tx: Transaction, keyRing: KeyRing, scope: Scope, purpose: string, value: Secret): Promise<string> {
  const id = randomUUID()
  const key = await openTenantKey(tx, keyRing, scope)
  await insertSecret(tx, scope, { id, purpose, wrappedValue: key.wrap(Buffer.from(value.reveal()), contextOf(scope, id, purpose)) })
  return id
}

/** The plain value of a secret of this tenant. Throws `not_found`; `internal` when it does not open. */
export async function openSecret(db: Database, keyRing: KeyRing, scope: Scope, id: string): Promise<Secret> {
  const row = await findSecret(db, scope, id)
  if (!row) throw notFound('Secret', id)
  const key = await openTenantKey(db, keyRing, scope)
  return new Secret(opened(() => key.unwrap(row.wrappedValue, contextOf(scope, id, row.purpose)), `secret ${id}`).toString())
}

async function openTenantKey(db: Database, keyRing: KeyRing, scope: Scope): Promise<KeyRing> {
  const row = await findTenantKey(db, scope)
  if (!row) throw new DomainError('internal', 'Something went wrong.', { internal: `tenant ${scope.tenantId} has no key` })
  return KeyRing.ofKey(tenantKeyId, opened(() => keyRing.unwrap(row.wrappedKey, scope.tenantId), `the key of tenant ${scope.tenantId}`))
}

function opened(unwrap: () => Buffer, what: string): Buffer {
  try {
    return unwrap()
  } catch (cause) {
    throw new DomainError('internal', 'A stored secret could not be opened. Name the request id to the operator.', { cause, internal: `${what} does not open with this key ring` })
  }
}
