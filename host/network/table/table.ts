import { z } from 'zod'
import { ExecError } from '@/platform/exec'
import type { NetworkNamespaceKernel } from '../kernel'
import { difference } from './difference'
import { NETWORK_TABLE, type NftTables } from './model'
import { wholeTables } from './whole'

const listed = z.object({ nftables: z.array(z.object({ counter: z.object({ name: z.string(), packets: z.number(), bytes: z.number() }).optional() })) })

export type Counted = { packets: number; bytes: number }

/**
 * The packet filter of one network namespace. Its caller loads one state after another; each is one transaction of the kernel's, and as
 * large as what changed. What others changed there is not seen by {@link load}, but gone after {@link reload}.
 */
export class Table {
  private loaded: NftTables | null = null
  /** How many transactions the namespace has seen when nobody else changed it; null: not known. */
  private generation: number | null = null

  /** `owner` of the namespace's whole ruleset, or of the loaded tables alone, beside those of other programs. */
  constructor(private readonly kernel: Pick<NetworkNamespaceKernel, 'loadRules' | 'listRules'>, private readonly owner: 'ruleset' | 'tables' = 'ruleset') {}

  /**
   * Brings the kernel from the state loaded last to this one. The first one replaces all, and so does one whose difference the kernel refuses:
   * then others changed what was there. Throws ExecError; then the kernel has what it had, as is remembered where nft ended by itself.
   */
  async load(tables: NftTables): Promise<void> {
    const { loaded, generation } = this
    const commands = loaded === null ? null : difference(loaded, tables)
    if (commands === '' || (commands !== null && await this.loadDifference(commands))) {
      this.loaded = tables
      return
    }
    await this.reload(tables).catch((error: unknown) => {
      // It was refused, as a whole. One that was killed may have been in time.
      if (error instanceof ExecError && error.code !== null) {
        this.loaded = loaded
        this.generation = generation
      }
      throw error
    })
  }

  private async loadDifference(commands: string): Promise<boolean> {
    // Killed on the way: nobody knows which of the two states it is.
    this.loaded = null
    return this.commit(commands).then(() => true, () => false)
  }

  private async commit(commands: string): Promise<void> {
    const { generation } = this
    this.generation = null
    await this.kernel.loadRules(commands)
    this.generation = generation === null ? null : generation + 1
  }

  /** Whether the kernel, which has seen so many transactions, has what was loaded last and nothing else. */
  isUntouched(generation: number): boolean {
    return this.loaded !== null && this.generation === generation
  }

  /** The kernel has seen so many transactions now, all of which are known. */
  isAt(generation: number): void {
    this.generation = generation
  }

  /** Replaces all in one transaction, whatever is there. Counters begin again at 0, and sets that packets write are empty. */
  async reload(tables: NftTables): Promise<void> {
    this.loaded = null
    await this.commit(`${this.owner === 'ruleset' ? 'flush ruleset\n' : [...tables.keys()].map((name) => `table ${name}\ndelete table ${name}\n`).join('')}${wholeTables(tables)}`)
    this.loaded = tables
  }

  /** The state loaded last, or null before the first and after a failure. */
  get state(): NftTables | null {
    return this.loaded
  }

  /** Named counters of the networks' table, by name. They begin again at 0 when all is loaded anew. */
  async counters(): Promise<Map<string, Counted>> {
    const { nftables } = listed.parse(await this.kernel.listRules('counters', 'table', ...NETWORK_TABLE.split(' ')))
    return new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, { packets: counter.packets, bytes: counter.bytes }]] : [])))
  }
}
