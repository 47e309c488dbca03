import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import { Table } from '@/host/network/table/table'
import type { Fingerprint } from '@/host/network/watch/fingerprints'
import type { Logger } from '@/platform/logger'
import { externalTables, removeExternalTables, type BridgePort } from './bridge-rules'
import { externalTable } from './names'

/** The packet filter of the bridge in the agent's namespace: loaded by changes, and loaded anew where others changed it. Its caller runs one method at a time. */
export class BridgeTables {
  private table: Table
  /** What nftables lists of the tables as they were loaded last; null: not read since. */
  private listing: string | null = null
  private hasTimeouts = true

  constructor(private readonly kernel: NetworkNamespaceKernel, private readonly options: { hostTag: string; denied: readonly string[]; log: Pick<Logger, 'warn'> }) {
    this.table = new Table(kernel, 'tables')
  }

  /** Whatever is in the kernel is loaded anew by the next {@link load}. */
  forget(): void {
    this.table = new Table(this.kernel, 'tables')
  }

  /** Brings the kernel to the rules of these links. Throws ExecError. */
  async load(ports: readonly BridgePort[]): Promise<void> {
    const before = this.table.state
    const load = () => this.table.load(externalTables({ hostTag: this.options.hostTag, denied: this.options.denied, ports, hasTimeouts: this.hasTimeouts }))
    await load().catch(async (error: unknown) => {
      // Not every kernel has them; without, all else is the same. What fails but once says nothing of that.
      if (before !== null || !this.hasTimeouts) throw error
      if (await load().then(() => true, () => false)) return
      this.hasTimeouts = false
      await load().catch(() => {
        this.hasTimeouts = true
        throw error
      })
      this.options.log.warn({ err: error }, 'the kernel keeps connections of addresses of the outside that are not answered, or over, as long as all others (CONFIG_NF_CONNTRACK_TIMEOUT): a flood of them closes an address for longer')
    })
    if (this.table.state !== before) this.listing = null
  }

  /** Whether nobody changed rules of the namespace since. Remembers what is loaded, where that was not read yet. */
  async isUntouched(found: Fingerprint): Promise<boolean> {
    if (!this.table.isUntouched(found.generation)) return false
    this.listing ??= await this.list()
    return true
  }

  /** Others changed rules of this namespace: theirs, or these tables, which are loaded anew then. Says what it repaired, and whether it loaded. */
  async check(found: Fingerprint, ports: readonly BridgePort[]): Promise<{ repairs: string[]; loaded: boolean }> {
    if (this.listing !== null && await this.list() === this.listing) {
      this.table.isAt(found.generation)
      return { repairs: [], loaded: false }
    }
    // Without a listing nobody knows whether they were changed.
    const repairs = this.listing === null ? [] : ['rules of the outside, which others changed, loaded anew']
    this.forget()
    await this.load(ports)
    this.listing = await this.list()
    return { repairs, loaded: true }
  }

  /** The kernel has seen so many transactions after the last load. */
  isAt(generation: number): void {
    this.table.isAt(generation)
  }

  /** Throws ExecError. */
  async remove(): Promise<void> {
    this.listing = null
    this.forget()
    await this.kernel.loadRules(removeExternalTables(this.options.hostTag))
  }

  /** The tables as nftables lists them, without their numbers and without what packets wrote; empty where they are gone. */
  private async list(): Promise<string> {
    const listed = await Promise.all(['inet', 'bridge'].map((family) => this.kernel.listRules('table', family, externalTable(this.options.hostTag)).catch(() => null)))
    return JSON.stringify(listed, (key, value: unknown) => (key === 'handle' || key === 'metainfo' || (key === 'elem' && JSON.stringify(value).includes('"ct count"')) ? undefined : value))
  }
}
