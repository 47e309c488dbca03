/** What of the outside one connection of a host has to look at: it says where to look, not what is there. */
export type ExternalChanges = {
  /** Anything may have changed. */
  whole: boolean
  /** Balancers and addresses that may have, by uid; null: none, nor anything beside them. */
  objects: ReadonlySet<string> | null
  /** The host let go of something: what waited for that may be told. */
  settled: boolean
  /** Balancers of which it may have changed who takes their connections, by uid. */
  servers: ReadonlySet<string>
}

/** Collects it until the connection's stream comes to look. */
export class ExternalWakes {
  private whole = true
  private objects: Set<string> | null = null
  private settled = false
  private servers = new Set<string>()
  /** Whether another host could take over: as this host was told, and as it was found out while it was being told. */
  private told: boolean | null = null
  private seen: boolean | null = null
  private telling = false

  /** Anything may have changed; also after it could not be told. */
  noteWhole(): void {
    this.whole = true
    this.telling = false
  }

  /** Some rows, or what is beside them: the pools, and what is to be let go of. */
  noteObjects(uids: readonly string[]): void {
    this.objects = new Set([...(this.objects ?? []), ...uids])
  }

  noteSettled(): void {
    this.settled = true
  }

  noteServers(uid: string): void {
    this.servers.add(uid)
  }

  /** Whether another host could take over stands in everything that a host is told. Returns whether it was told otherwise, and is not being told just now. */
  noteOthers(others: boolean): boolean {
    this.seen = others
    if (this.telling || this.told === null || this.told === others) return false
    this.whole = true
    return true
  }

  /** Before everything is read to be told: what came up to now is in it. */
  beginOthers(): void {
    this.whole = false
    this.telling = true
    this.seen = null
  }

  /** After it was. Returns whether it was found out to be otherwise meanwhile. */
  endOthers(others: boolean): boolean {
    this.told = others
    this.telling = false
    return this.seen !== null && this.seen !== others
  }

  wasToldOthers(others: boolean): boolean {
    return this.told === others
  }

  take(): ExternalChanges {
    const { whole, objects, settled, servers } = this
    this.whole = false
    this.objects = null
    this.settled = false
    this.servers = new Set()
    return { whole, objects, settled, servers }
  }
}
