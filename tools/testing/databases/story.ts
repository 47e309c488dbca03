import { join } from 'node:path'
import { expect } from 'vitest'
import { Cleanup, endEach } from '../cleanup'
import { Fleet, fleetMs } from '../fleet'
import { rowsOf } from './contents'
import { DatabasePods, registryAtHosts, startMs } from './database-pods'
import { RowWriter } from './row-writer'

/** `copy`: makes a file at `raw` of the bytes that a snapshot has. */
export type OpenedStore = { copy: (snapshot: SnapshotNames, raw: string) => Promise<unknown>; close: () => Promise<void> }
type SnapshotNames = { uid: string; volumeUid: string; tenantId: string }

/** `open`: makes the store, with the class that volumes have which name none. */
export type DatabaseStore = { hosts: readonly string[]; open: (fleet: Fleet) => Promise<OpenedStore> }

/** A tenant with databases on volumes of one store, whose steps go on where the one before ended. */
export class Story {
  /** Of the database `db`. */
  writer: RowWriter | null = null
  private constructor(
    readonly fleet: Fleet,
    readonly pods: DatabasePods,
    private readonly store: OpenedStore,
    private readonly cleanup: Cleanup,
  ) {}

  static async begin({ hosts, open }: DatabaseStore): Promise<Story> {
    const cleanup = new Cleanup()
    try {
      const fleet = await cleanup.open('the fleet', Fleet.start(hosts, { HYPERNETES_INSECURE_REGISTRIES: registryAtHosts }), (one) => one.stop(), fleetMs)
      const store = await cleanup.open('the store', open(fleet), (one) => one.close())
      const pods = await cleanup.open('the pods', DatabasePods.open(fleet), (one) => one.close())
      await Promise.all(hosts.map((name) => fleet.until(`host ${name} is ready`, () => fleet.isReady(name))))
      return new Story(fleet, pods, store, cleanup)
    } catch (error) {
      await cleanup.run().catch(() => {})
      throw error
    }
  }

  async end(): Promise<void> {
    const { writer } = this
    await endEach([{ what: 'the writer', end: () => writer?.stop() }, { what: 'the story', end: () => this.cleanup.run(), withinMs: fleetMs + 120_000 }])
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

  /** A file with the bytes of a snapshot of the volume `data`, which goes with the hosts. */
  async copyOf(name: string): Promise<string> {
    const { metadata } = await this.caller.volumeSnapshot.get({ tenant: this.tenant, name })
    const raw = join(this.fleet.folder, `${name}.raw`)
    await this.store.copy({ uid: metadata.uid, volumeUid: (await this.volume('data')).metadata.uid, tenantId: this.fleet.ann.tenant.id }, raw)
    return raw
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
