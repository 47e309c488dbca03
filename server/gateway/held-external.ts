import { externalObjectKey, type ExternalObject, type ExternalReport } from '@/contracts/host/v1/external'

/**
 * A balancer or a floating address of which the host may answer for `addresses`, each with the message in which it was told last. `of`: what that is known from: nothing, for
 * an earlier connection told it, so that a balancer may hold any address beside those, whatever this one tells it, until the host says which; what this one told; or the host itself,
 * which says of a balancer which addresses it holds.
 */
type Held = { addresses: ReadonlyMap<string, number>; of: 'nothing' | 'told' | 'said'; leaving: boolean }
type Answering = Extract<ExternalObject, { kind: 'floatingAddress' | 'balancer' }>

export const keyOfReport = ({ kind, uid }: Pick<ExternalReport, 'kind' | 'uid'>): string => `${kind}/${uid}`
const addressesOf = (object: Answering): string[] => (object.kind === 'balancer' ? object.addresses : [object.address])

/**
 * What a host may answer for, as far as one connection can know: what the host named at its beginning, and what it was told since, until it answered the removal. After a
 * removal nothing of the key is told before that answer, so that an answer can mean nothing else. Of the addresses of a balancer each by itself: what was told stays held until the host, having taken
 * that message, says which it holds and does not name it. An address is told for one thing at a time. It knows of no time and no store: an address may be another host's only if it is held here by nobody.
 */
export class HeldExternal {
  private readonly held = new Map<string, Held>()
  /** What was not told, or without some of its addresses, since something else has to be let go of first. */
  private readonly blocked = new Set<string>()
  private begun = false
  private sent = 0

  /** Whether the host has said what it answers for: before that nothing is told, and nothing is free. */
  get isReady(): boolean {
    return this.begun
  }

  /** What the host may answer for by its first report of the connection, all of it: also that of which it said what cannot be read. */
  begin(answering: readonly Pick<ExternalReport, 'kind' | 'uid'>[]): void {
    if (this.begun) return
    this.begun = true
    for (const one of answering) this.held.set(keyOfReport(one), { addresses: new Map(), of: 'nothing', leaving: false })
  }

  isLeaving(key: string): boolean {
    return this.held.get(key)?.leaving ?? false
  }

  /** A message of the outside was sent. */
  wasSent(): void {
    this.sent += 1
  }

  /** Takes the answer to a removal. Whether it was one. */
  settle(report: ExternalReport): boolean {
    const key = keyOfReport(report)
    return report.phase === 'Gone' && this.isLeaving(key) && this.held.delete(key)
  }

  /** Takes what the host says of which addresses a balancer holds. Whether it let go of one. What it says may be older than what it was told since: that is held still. */
  hear(report: ExternalReport): boolean {
    const { kind, addresses, taken } = report
    const key = keyOfReport(report)
    const one = this.held.get(key)
    if (!one || one.leaving || kind !== 'balancer' || !addresses || taken === undefined || taken > this.sent) return false
    const kept = [...one.addresses].filter(([address, told]) => told > taken || addresses.includes(address))
    const others = addresses.filter((address) => !one.addresses.has(address)).map((address) => [address, taken] as const)
    this.held.set(key, { ...one, addresses: new Map([...kept, ...others]), of: 'said' })
    return kept.length < one.addresses.size || one.of === 'nothing'
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
   * Which of the objects may be told now, in the next message, and of each which of its addresses: those that nothing else here has still. All others that are held are let go of. A balancer
   * loses single addresses where its host says which it holds; else it is let go of whole, and told anew after that.
   * @param unwanted whether the host's rows have addresses that it shall answer for no more
   * @param only the keys that the objects are all of: others stay as they are
   */
  choose(objects: readonly Answering[], leaving: ReadonlySet<string>, unwanted: boolean, only: (key: string) => boolean = () => true): ReadonlyMap<string, readonly string[]> {
    const owners = new Map([...this.held].flatMap(([key, { addresses }]) => [...addresses.keys()].map((address) => [address, key] as const)))
    const chosen = new Map<string, readonly string[]>()
    for (const object of objects) {
      const key = externalObjectKey(object)
      const free = addressesOf(object).filter((address) => (owners.get(address) ?? key) === key)
      const before = this.held.get(key)
      if (leaving.has(key) || free.length === 0 || (before && goesWhole(before, object, unwanted))) continue
      this.held.set(key, { addresses: new Map([...before?.addresses ?? [], ...free.map((address) => [address, this.sent + 1] as const)]), of: before?.of ?? 'told', leaving: false })
      for (const address of free) owners.set(address, key)
      chosen.set(key, free)
    }
    for (const [key, one] of this.held) if (only(key) && !chosen.has(key)) this.held.set(key, { ...one, leaving: true })
    for (const key of this.blocked) if (only(key)) this.blocked.delete(key)
    for (const object of objects) if ((chosen.get(externalObjectKey(object))?.length ?? 0) < addressesOf(object).length) this.blocked.add(externalObjectKey(object))
    return chosen
  }

  /**
   * Whether all objects have to be chosen from: of an address that its rows name and that it shall answer for no more, a balancer of which nobody knows which it holds may be what answers for
   * it still. That one is let go of, whatever else changes.
   * @param unwanted as of {@link choose}
   */
  needsWhole(unwanted: boolean): boolean {
    return unwanted && [...this.held].some(([key, one]) => !one.leaving && isUnknown(key, one))
  }

  /** Whether this host does not answer for an address, and will not by anything that it was told. */
  isFree({ uid, address }: { uid: string; address: string }): boolean {
    if (!this.begun || this.held.has(`floatingAddress/${uid}`)) return false
    return ![...this.held].some(([key, one]) => isUnknown(key, one) || one.addresses.has(address))
  }

  isBalancerFree(uid: string): boolean {
    return this.begun && !this.held.has(`balancer/${uid}`)
  }
}

const isUnknown = (key: string, { of }: Held): boolean => of === 'nothing' && key.startsWith('balancer/')

/** Whether it is to lose an address, and its host does not say which of them it holds. */
function goesWhole({ of, addresses }: Held, object: Answering, unwanted: boolean): boolean {
  if (object.kind !== 'balancer' || of === 'said') return false
  return (of === 'nothing' && unwanted) || [...addresses.keys()].some((address) => !object.addresses.includes(address))
}

/** An object as it may be told: a balancer with those of its addresses alone, by {@link HeldExternal.choose}. Null: not at all. */
export function asChosen(object: ExternalObject, chosen: ReadonlyMap<string, readonly string[]>): ExternalObject | null {
  if (object.kind === 'addressPool') return object
  const addresses = chosen.get(object.kind === 'backendServers' ? `balancer/${object.balancerUid}` : externalObjectKey(object))
  if (!addresses) return null
  return object.kind === 'balancer' && addresses.length < object.addresses.length ? { ...object, addresses: [...addresses] } : object
}
