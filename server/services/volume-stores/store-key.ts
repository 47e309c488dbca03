import type { KeyRing } from '@/platform/crypto/key-ring'
import { Secret } from '@/platform/crypto/secret'

/** Bound to its store: in another one's row it does not open. */
const contextOf = (storeUid: string): string => `volume-store/${storeUid}`

/** A store's key as its row keeps it: it is the platform's, not a tenant's, and wrapped by the platform's key ring itself. */
export const wrapStoreKey = (keyRing: KeyRing, storeUid: string, key: string): string => keyRing.wrap(Buffer.from(key), contextOf(storeUid))

/** Throws where the key ring has not the key that it was wrapped with, or the row was changed. */
export const openStoreKey = (keyRing: KeyRing, storeUid: string, wrappedKey: string): Secret => new Secret(keyRing.unwrap(wrappedKey, contextOf(storeUid)).toString())
