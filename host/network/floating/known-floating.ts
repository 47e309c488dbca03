import type { FloatingBinding } from '../network-state'

/** An address of the outside that leads to a pod of this host. */
export type WantedFloating = FloatingBinding & { readonly networkId: string }

/** What became of one: it is answered for, it is being carried out, its pod is not here yet, or why not. */
export type FloatingState = { readonly state: 'active' } | { readonly state: 'coming' } | { readonly state: 'waiting' } | { readonly state: 'failed'; readonly error: unknown }

/** Which addresses of the outside lead to pods of which network here, as they were told last, and why some are not carried out. */
export class KnownFloating {
  private byNetwork = new Map<string, readonly FloatingBinding[]>()
  private all: readonly WantedFloating[] = []
  private readonly errors = new Map<string, unknown>()

  of(networkId: string): readonly FloatingBinding[] {
    return this.byNetwork.get(networkId) ?? []
  }

  get wanted(): readonly WantedFloating[] {
    return this.all
  }

  /** These are all, from now on. */
  set(all: readonly WantedFloating[]): void {
    const byNetwork = new Map<string, FloatingBinding[]>()
    // In one order, whichever way they came: a pod's own connections leave from the first of its addresses.
    for (const { networkId, uid, address, podUid, target } of [...all].sort((a, b) => (a.address < b.address ? -1 : 1))) byNetwork.set(networkId, [...byNetwork.get(networkId) ?? [], { uid, address, podUid, target }])
    this.byNetwork = byNetwork
    this.all = [...all]
    const uids = new Set(all.map(({ uid }) => uid))
    for (const uid of this.errors.keys()) if (!uids.has(uid)) this.errors.delete(uid)
  }

  failed(uids: Iterable<string>, error: unknown): void {
    for (const uid of uids) this.errors.set(uid, error)
  }

  carriedOut(uids: Iterable<string>): void {
    for (const uid of uids) this.errors.delete(uid)
  }

  errorOf(uid: string): unknown {
    return this.errors.get(uid)
  }
}
