import { DomainError } from '@/domain/shared/errors'
import { rolePermissions, type Permission } from '@/domain/tenant/permissions'

/** Who acts: a person with a browser's session, or a script with a token of one tenant. */
export type Actor = {
  kind: 'session' | 'token'
  /** The session's or token's id: what a revocation names. */
  credentialId: string
  userId: string
  email: string
  name: string
  operator: boolean
  /** Only tokens: the one tenant they belong to. */
  tenantId: string | null
}

/** Which request acts, and from where. */
export type Origin = { requestId: string | null; address: string }

const minted = new WeakSet<Scope>()

/**
 * The right to touch one tenant's data. It is made by `Scope.mint` in server/auth alone, after the membership was read from the
 * database; store functions take it instead of a tenant's id, and a look-alike object is refused at run time too.
 */
export class Scope {
  readonly #tenantId: string
  private constructor(
    tenantId: string,
    readonly tenantSlug: string,
    readonly role: 'admin' | 'member',
    readonly actor: Actor,
    /** The request that acts, for the audit. */
    readonly origin: Origin,
  ) {
    this.#tenantId = tenantId
  }

  /** Only server/auth calls this; the linter holds it. */
  static mint(tenant: { id: string; slug: string }, role: 'admin' | 'member', actor: Actor, origin: Origin = { requestId: null, address: '' }): Scope {
    const scope = new Scope(tenant.id, tenant.slug, role, actor, origin)
    minted.add(scope)
    return scope
  }

  get tenantId(): string {
    if (!minted.has(this)) throw new DomainError('internal', 'Something went wrong.', { internal: 'a scope that was not minted' })
    return this.#tenantId
  }

  allows(permission: Permission): boolean {
    return rolePermissions[this.role].includes(permission)
  }
}
