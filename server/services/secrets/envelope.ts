import { DomainError } from '@/domain/shared/errors'
import { KeyRing } from '@/platform/crypto/key-ring'
import { Secret } from '@/platform/crypto/secret'

/** Names the tenant's key inside a wrapped value, so that a second one can come beside it. */
const tenantKeyId = 't1'

/** A value as its row keeps it: bound to its row, tenant and purpose, so that moved elsewhere it does not open. */
export type WrappedValue = { id: string; tenantId: string; purpose: string; wrappedValue: string }
const contextOf = ({ tenantId, id, purpose }: Omit<WrappedValue, 'wrappedValue'>): string => `${tenantId}/${id}/${purpose}`

/** The tenant's key, which the platform's key ring wraps. Throws `internal` when it does not open. */
export const unwrapTenantKey = (keyRing: KeyRing, tenantId: string, wrappedKey: string): KeyRing =>
  KeyRing.ofKey(tenantKeyId, opened(() => keyRing.unwrap(wrappedKey, tenantId), `the key of tenant ${tenantId}`))

export const wrapValue = (key: KeyRing, place: Omit<WrappedValue, 'wrappedValue'>, value: Secret): string => key.wrap(Buffer.from(value.reveal()), contextOf(place))

/** Throws `internal` when the value does not open with this key at this place. */
export const unwrapValue = (key: KeyRing, value: WrappedValue): Secret => new Secret(opened(() => key.unwrap(value.wrappedValue, contextOf(value)), `secret ${value.id}`).toString())

function opened(unwrap: () => Buffer, what: string): Buffer {
  try {
    return unwrap()
  } catch (cause) {
    throw new DomainError('internal', 'A stored secret could not be opened. Name the request id to the operator.', { cause, internal: `${what} does not open with this key ring` })
  }
}
