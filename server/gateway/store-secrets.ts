import type { StoreSecretsMessage } from '@/contracts/host/v1/volumes'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import { openStoreKey } from '@/server/services/volume-stores/store-key'
import type { Database } from '@/server/store/database'
import { keyRevisionOf, listStoreKeys } from '@/server/store/volume-state'

type Parts = { db: Database; keyRing: KeyRing; log: Logger }

/** The keys of stores that one connection of a host was given, each once a revision. */
export class SentStoreSecrets {
  private readonly revisions = new Map<string, string>()

  /**
   * The message that gives a host the keys that these stores have and that it lacks; null: it lacks none. They are opened here and stand in the message alone. What does not open is left out; the log says which store,
   * never its key.
   */
  async message({ db, keyRing, log }: Parts, stores: readonly { uid: string; keyRevision: string | null }[]): Promise<StoreSecretsMessage | null> {
    const lacking = stores.filter(({ uid, keyRevision }) => keyRevision !== null && this.revisions.get(uid) !== keyRevision).map(({ uid }) => uid)
    if (lacking.length === 0) return null
    const secrets: StoreSecretsMessage['secrets'] = []
    for (const { uid, wrappedKey } of await listStoreKeys(db, lacking)) {
      const revision = keyRevisionOf(wrappedKey)
      if (wrappedKey === null || revision === null) continue
      this.revisions.set(uid, revision)
      try {
        secrets.push({ storeUid: uid, revision, key: openStoreKey(keyRing, uid, wrappedKey).reveal() })
      } catch (err) {
        log.error({ err, storeUid: uid }, 'the key of a store of volumes could not be opened for a host: look whether the key ring has the key that it was wrapped with')
      }
    }
    return secrets.length === 0 ? null : { kind: 'storeSecrets', secrets }
  }
}
