import { expect } from 'vitest'
import { Fleet } from '../fleet'
import { rowsOf } from './contents'
import { DatabasePods, registryAtHosts, startMs } from './database-pods'
import { RowWriter } from './row-writer'

/** `open`: makes the store, with the class that volumes have which name none, and resolves with what ends it. */
export type DatabaseStore = { hosts: readonly string[]; open: (fleet: Fleet) => Promise<() => Promise<void>> }

/** A tenant with databases on volumes of one store, whose steps go on where the one before ended. */
export class Story {
  /** Of the database `db`. */
  writer: RowWriter | null = null
  private constructor(
    readonly fleet: Fleet,
    readonly pods: DatabasePods,
    private readonly ends: readonly (() => Promise<void>)[],
  ) {}

  static async begin({ hosts, open }: DatabaseStore): Promise<Story> {
    const fleet = await Fleet.start(hosts, { HYPERNETES_INSECURE_REGISTRIES: registryAtHosts })
    const ends = [() => fleet.stop()]
    try {
      ends.push(await open(fleet))
      const pods = await DatabasePods.open(fleet)
      ends.push(() => pods.close())
      await Promise.all(hosts.map((name) => fleet.until(`host ${name} is ready`, () => fleet.isReady(name))))
      return new Story(fleet, pods, ends)
    } catch (error) {
      for (const end of ends) await end()
      throw error
    }
  }

  async end(): Promise<void> {
    await this.writer?.stop()
    for (const end of this.ends) await end()
  }

  get caller() {
    return this.fleet.ann.caller
  }
  get tenant(): string {
    return this.fleet.tenant
  }

  /** Begins to commit rows to the database `db`, with this number for the first. */
  write(first?: number): RowWriter {
    this.writer = new RowWriter(() => this.pods.connect('db'), first)
    return this.writer
  }

  /** Ends it, and tells which ones were acknowledged. */
  async stopWriting(): Promise<number[]> {
    const { writer } = this
    this.writer = null
    await writer?.stop()
    return writer?.rows() ?? []
  }

  /** Waits for so many more. */
  async moreRows(rows: number): Promise<void> {
    const wanted = (this.writer?.rows().length ?? 0) + rows
    await this.fleet.until(`the database commits ${rows} more rows`, async () => (this.writer?.rows().length ?? 0) >= wanted, startMs)
  }

  volume(name: string) {
    return this.caller.volume.get({ tenant: this.tenant, name })
  }

  async volumeIs(name: string, phase: string): Promise<void> {
    await this.fleet.until(`volume ${name} is ${phase}`, async () => (await this.volume(name)).status.phase === phase)
  }

  async snapshotIsReady(name: string): Promise<void> {
    await this.fleet.until(`snapshot ${name} is ready`, async () => (await this.caller.volumeSnapshot.get({ tenant: this.tenant, name })).status.phase === 'Ready')
  }

  /** What the database of a pod has, which is all of this at least. */
  async rowsWithAll(acknowledged: readonly number[], pod = 'db'): Promise<number[]> {
    const rows = await this.pods.ask(pod, rowsOf)
    const there = new Set(rows)
    const lost = acknowledged.filter((row) => !there.has(row))
    console.log(`  ${pod}: ${acknowledged.length} rows were acknowledged, ${rows.length} are there, ${lost.length} are lost`)
    expect(lost).toEqual([])
    return rows
  }
}
