import type { ServersOf } from './packet-filter'

/** Addresses that somebody wrote by hand are no pods', and never end: of very many the oldest are forgotten. */
const mostKept = 10_000

/** Whom a balancer has led to and may have connections with: those that left have them until their time is over, or their machine ends. */
export class Reached {
  private readonly addresses = new Set<string>()

  add(servers: ServersOf): void {
    for (const { address } of [...servers.values()].flat()) {
      this.addresses.delete(address)
      this.addresses.add(address)
    }
    for (const oldest of this.addresses) {
      if (this.addresses.size <= mostKept) break
      this.addresses.delete(oldest)
    }
  }

  /** Those of some addresses that it may have connections with. */
  among(addresses: ReadonlySet<string>): string[] {
    return [...addresses].filter((one) => this.addresses.has(one))
  }

  /** All connections with these have ended. Who is led to still is known on. */
  ended(addresses: readonly string[], led: ServersOf): void {
    for (const one of addresses) this.addresses.delete(one)
    this.add(led)
  }
}
