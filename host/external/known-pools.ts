import { isDeepStrictEqual } from 'node:util'
import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import type { Logger } from '@/platform/logger'
import { isWithin, overlapsOf, type Pool } from './bridge-device'

/** The address pools that this host was told of, and which of them can be here. */
export class KnownPools {
  private known: readonly Pool[] = []
  private here: readonly Pool[] = []
  /** Why the others cannot, by uid. */
  private problems: ReadonlyMap<string, string> = new Map()

  /** `bridge`: the name of the link that the pools' gateways are on. */
  constructor(private readonly kernel: NetworkNamespaceKernel, private readonly bridge: string, private readonly log: Pick<Logger, 'error'>) {}

  /** Those that can be here. */
  get all(): readonly Pool[] {
    return this.here
  }

  /** These are all. Throws ExecError where the host's links cannot be read. */
  async set(pools: readonly Pool[]): Promise<void> {
    this.known = [...pools]
    await this.judge()
  }

  /** Looks anew which of them can be here: the host may have another address since. Says whether others can than before. Throws ExecError where its links cannot be read. */
  async judge(): Promise<boolean> {
    const [before, told] = [this.here, new Set(this.problems.values())]
    this.problems = this.known.length === 0 ? new Map() : overlapsOf(await this.kernel.links(), this.bridge, this.known)
    this.here = this.known.filter(({ uid }) => !this.problems.has(uid))
    for (const problem of this.problems.values()) if (!told.has(problem)) this.log.error(`no address of it is answered for on this host: ${problem}`)
    return !isDeepStrictEqual(before, this.here)
  }

  /** Why an address cannot be answered for on this host, or null. */
  problemOf(address: string): string | null {
    const pool = this.known.find(({ cidr }) => isWithin(cidr, address))
    return pool ? this.problems.get(pool.uid) ?? null : `${address} is of no address pool that this host was told of`
  }

  /** The pool of an address, if there is one here. */
  poolOf(address: string): Pool | undefined {
    return this.here.find(({ cidr }) => isWithin(cidr, address))
  }
}
