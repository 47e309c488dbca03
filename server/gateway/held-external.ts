import { externalObjectKey, type ExternalObject, type ExternalReport } from '@/contracts/host/v1/external'

/** A balancer or a floating address of which the host may answer for the addresses; null: for which is not known, since an earlier connection told it. */
type Held = { addresses: ReadonlySet<string> | null; leaving: boolean }
type Answering = Extract<ExternalObject, { kind: 'floatingAddress' | 'balancer' }>

export const keyOfReport = ({ kind, uid }: Pick<ExternalReport, 'kind' | 'uid'>): string => `${kind}/${uid}`
const addressesOf = (object: Answering): string[] => (object.kind === 'balancer' ? object.addresses : [object.address])

/**
 * What a host may answer for, as far as one connection can know: what the host named at its beginning, and what it was told since, until it answered the removal. After a
 * removal nothing of the key is told before that answer, so that an answer can mean nothing else; and an address is told for one thing at a time. It knows of no time and
 * no store: an address may be another host's only if it is held here by nobody.
 */
export class HeldExternal {
  private readonly held = new Map<string, Held>()
  /** What was not told since something else has to be let go of first. */
  private readonly blocked = new Set<string>()
  private begun = false

  /** Whether the host has said what it answers for: before that nothing is told, and nothing is free. */
  get isReady(): boolean {
    return this.begun
  }

  /** What the host may answer for by its first report of the connection, all of it: also that of which it said what cannot be read. */
  begin(answering: readonly Pick<ExternalReport, 'kind' | 'uid'>[]): void {
    if (this.begun) return
    this.begun = true
    for (const one of answering) this.held.set(keyOfReport(one), { addresses: null, leaving: false })
  }

  isLeaving(key: string): boolean {
    return this.held.get(key)?.leaving ?? false
  }

  /** Takes the answer to a removal. Whether it was one. */
  settle(report: ExternalReport): boolean {
    const key = keyOfReport(report)
    return report.phase === 'Gone' && this.isLeaving(key) && this.held.delete(key)
  }

  /** What is being let go of now. Ask before the rows are read that `choose` is given: what is answered meanwhile counts the next time. */
  leaving(): ReadonlySet<string> {
    return new Set([...this.held].flatMap(([key, { leaving }]) => (leaving ? [key] : [])))
  }

  /** The uids of objects that wait for something to be let go of: after each answer they are to be looked at again. */
  waiting(): string[] {
    return [...this.blocked].flatMap((key) => key.split('/')[1] ?? [])
  }

  /**
   * Which of the objects may be told now; all others that are held are let go of. A balancer that loses one of its addresses is let go of whole, and told anew after that.
   * @param unwanted whether the host's rows have addresses that it shall answer for no more
   * @param only the keys that the objects are all of: others stay as they are
   */
  choose(objects: readonly Answering[], leaving: ReadonlySet<string>, unwanted: boolean, only: (key: string) => boolean = () => true): ReadonlySet<string> {
    const owners = new Map([...this.held].flatMap(([key, { addresses }]) => [...(addresses ?? [])].map((address) => [address, key] as const)))
    const chosen = new Set<string>()
    for (const object of objects) {
      const key = externalObjectKey(object)
      const addresses = addressesOf(object)
      if (leaving.has(key) || addresses.some((address) => (owners.get(address) ?? key) !== key)) continue
      const before = this.held.get(key)
      const loses = before && (before.addresses === null ? unwanted && object.kind === 'balancer' : [...before.addresses].some((address) => !addresses.includes(address)))
      if (loses) continue
      this.held.set(key, { addresses: new Set(addresses), leaving: false })
      for (const address of addresses) owners.set(address, key)
      chosen.add(key)
    }
    for (const [key, one] of this.held) if (only(key) && !chosen.has(key)) this.held.set(key, { ...one, leaving: true })
    for (const key of this.blocked) if (only(key)) this.blocked.delete(key)
    for (const object of objects) if (!chosen.has(externalObjectKey(object))) this.blocked.add(externalObjectKey(object))
    return chosen
  }

  /** Whether this host does not answer for an address, and will not by anything that it was told. */
  isFree({ uid, address }: { uid: string; address: string }): boolean {
    if (!this.begun || this.held.has(`floatingAddress/${uid}`)) return false
    return ![...this.held].some(([key, { addresses }]) => (addresses === null ? key.startsWith('balancer/') : addresses.has(address)))
  }

  isBalancerFree(uid: string): boolean {
    return this.begun && !this.held.has(`balancer/${uid}`)
  }
}
