import { randomBytes } from 'node:crypto'
import { slugFrom } from '@/domain/account/slug'
import { defaultNetwork } from '@/domain/network/default'
import { DomainError } from '@/domain/shared/errors'
import type { TenantSummary } from '@/domain/tenant/view'
import type { KeyRing } from '@/platform/crypto/key-ring'
import { resolveScope } from '@/server/auth/authenticate'
import { randomText } from '@/server/auth/secret-text'
import type { Transaction } from '@/server/store/database'
import { insertNamespace } from '@/server/store/namespaces'
import { insertNetwork } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import { insertMembership, insertTenant, insertTenantKey } from '@/server/store/tenants'
import { insertUser, type StoredUser } from '@/server/store/users'

export type NewAccount = { email: string; name: string; passwordHash: string; organization: string; operator?: boolean; pending?: boolean; address: string }

/**
 * Creates a user and their tenant with its key, the network `default` and the namespace `default`. Null when the e-mail is
 * taken. Runs in the caller's transaction: all of it or nothing.
 */
export async function createAccount(tx: Transaction, keyRing: KeyRing, account: NewAccount): Promise<{ user: StoredUser; tenant: TenantSummary } | null> {
  const { email, name, passwordHash, operator = false, pending = false } = account
  const user = await insertUser(tx, { email, name, passwordHash, operator, pending })
  if (!user) return null
  const tenant = await createTenant(tx, keyRing, user, account.organization, account.address)
  return { user, tenant }
}

async function createTenant(tx: Transaction, keyRing: KeyRing, user: StoredUser, organization: string, address: string): Promise<TenantSummary> {
  const id = randomBytes(16).toString('hex')
  const slug = await insertWithFreeSlug(tx, id, organization)
  await insertTenantKey(tx, { tenantId: id, wrappedKey: keyRing.wrap(randomBytes(32), id) })
  await insertMembership(tx, { tenantId: id, userId: user.id, role: 'admin' })
  const scope = await resolveScope(tx, { kind: 'session', credentialId: 'sign-up', userId: user.id, email: user.email, name: user.name, operator: user.operator, tenantId: null }, id)
  if (!scope) throw new DomainError('internal', 'Something went wrong.', { internal: 'a membership that was just inserted is not there' })
  await insertNetwork(tx, scope, { name: 'default', labels: {}, annotations: {}, spec: defaultNetwork })
  await insertNamespace(tx, scope, { name: 'default', labels: {}, annotations: {}, spec: {} })
  await recordAudit(tx, scope, { action: 'account.signUp', kind: 'Tenant', name: slug, address })
  return { id, slug, name: organization, role: 'admin' }
}

/** The name's own slug where it is free, else with a random ending: what others are called stays theirs to tell. */
async function insertWithFreeSlug(tx: Transaction, id: string, name: string): Promise<string> {
  const base = slugFrom(name)
  for (let tries = 0; tries < 6; tries++) {
    const slug = tries === 0 ? base : `${base}-${randomText(4).toLowerCase()}`
    if (await insertTenant(tx, { id, slug, name })) return slug
  }
  throw new DomainError('unavailable', 'No free short name was found for this organization. Try again.')
}
