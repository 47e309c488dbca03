import { volumeObjectKey, type StoreReport, type VolumeReport } from '@/contracts/host/v1/volumes'
import type { Logger } from '@/platform/logger'
import { isLockTimeout, type DatabaseClient } from '@/server/store/database'
import { storeSnapshotReport, storeStoreReports, storeVolumeReport } from '@/server/store/volume-reports'
import type { NamedVolume } from './held-volumes'
import type { HostSession } from './host-sessions'
import { writeOfConnection } from './volume-writes'

type Parts = { db: DatabaseClient; log: Logger }

/** What a volume's rows are held for by somebody else is tried again after so long, twice as long each time, and at most this long; what failed, after that. */
const retryMs = { first: 100, most: 2_000, failed: 30_000 }
/** More than these are taken only once some are stored: a host has the rest of its report yet. */
const maxWaiting = 20_000

/**
 * What one connection's host said of volumes and snapshots and what is not stored yet: of each its newest word. Each is stored by itself, so that none waits for what a tenant does with another, nor do the host's other reports. What
 * cannot be stored now is tried again until it is, or the connection ends; the next one begins with all that its host has to say.
 */
export class VolumeReports {
  private readonly waiting = new Map<string, VolumeReport>()
  /** What came after the first report: it is stored before what that said of all, of which most is known. */
  private readonly news = new Set<string>()
  private readonly stores = new Map<string, StoreReport>()
  private readonly busy = new Map<string, { ms: number; until: number }>()
  private running: Promise<void> | null = null
  private isRunning = false
  private again = false
  private later: NodeJS.Timeout | null = null

  /**
   * Takes what the host said, once it is known that this is its connection. `named`: all that it may have open, where it said so and that can be read. An answer to a removal says what the host has let go of, and
   * nothing of what that is like.
   */
  take(session: HostSession, reports: readonly VolumeReport[], stores: readonly StoreReport[], named: readonly NamedVolume[] | null): void {
    if (!session.takesVolumes) return
    const { heldVolumes: held } = session
    const begins = named !== null && !held.isReady
    if (begins) held.begin(named)
    const changed: string[] = []
    for (const report of reports) {
      if (held.hear(report)) changed.push(report.uid)
      if (report.phase === 'Gone') continue
      const key = volumeObjectKey(report)
      if (named === null) this.news.add(key)
      const { fenced } = this.waiting.get(key) ?? {}
      // Whom a keeper has shut out is said once under a number, and a newer word that leaves it out takes nothing back.
      this.waiting.set(key, fenced && fenced.epoch > (report.fenced?.epoch ?? -1) ? { ...report, fenced } : report)
    }
    for (const store of stores) this.stores.set(store.uid, store)
    if (begins) session.wakeVolumes(null)
    else if (changed.length > 0) session.wakeVolumes(changed)
  }

  /** Begins to store what was taken. Resolves at once, unless very much waits. */
  async store(parts: Parts, session: HostSession): Promise<void> {
    this.again = true
    if (!this.isRunning) this.running = this.run(parts, session)
    if (this.waiting.size > maxWaiting) await this.running
  }

  private async run(parts: Parts, session: HostSession): Promise<void> {
    this.isRunning = true
    while (this.again && !session.closed) {
      this.again = false
      await this.storeStores(parts, session)
      for (let key = this.next(); key !== null && !session.closed; key = this.next()) {
        const report = this.waiting.get(key)
        this.news.delete(key)
        if (report) await this.write(parts, session, key, report)
      }
      this.planNext(parts, session)
    }
    this.isRunning = false
  }

  /** The key of one that can be stored now. */
  private next(): string | null {
    for (const keys of [this.news, this.waiting.keys()]) for (const key of keys) if ((this.busy.get(key)?.until ?? 0) <= performance.now()) return key
    return null
  }

  private async write({ db, log }: Parts, session: HostSession, key: string, report: VolumeReport): Promise<void> {
    try {
      const written = await writeOfConnection(db, session, (tx) => (report.kind === 'volume' ? storeVolumeReport : storeSnapshotReport)(tx, session.hostId, report))
      if (!written) return this.waiting.clear()
      if (this.waiting.get(key) === report) this.waiting.delete(key)
      // Of what was removed while its host was lost no row's change says that it is over.
      if (report.phase === 'Purged') session.wakeVolumes([report.uid])
      this.busy.delete(key)
    } catch (err) {
      const isBusy = isLockTimeout(err)
      if (!isBusy) log.error({ err, hostId: session.hostId, object: key }, 'what a host said of a volume could not be stored: it is tried again')
      const ms = isBusy ? Math.min((this.busy.get(key)?.ms ?? retryMs.first / 2) * 2, retryMs.most) : retryMs.failed
      this.busy.set(key, { ms, until: performance.now() + ms })
    }
  }

  private async storeStores({ db, log }: Parts, session: HostSession): Promise<void> {
    const reports = [...this.stores.values()]
    if (reports.length === 0) return
    this.stores.clear()
    await writeOfConnection(db, session, (tx) => storeStoreReports(tx, session.hostId, reports)).catch((err: unknown) => {
      log.error({ err, hostId: session.hostId }, 'what a host said of stores of volumes could not be stored: it is tried again with its next word')
      for (const report of reports) if (!this.stores.has(report.uid)) this.stores.set(report.uid, report)
    })
  }

  private planNext(parts: Parts, session: HostSession): void {
    for (const key of this.busy.keys()) if (!this.waiting.has(key)) this.busy.delete(key)
    if (this.busy.size === 0 && this.stores.size === 0) return
    const next = Math.min(...[...this.busy.values()].map(({ until }) => until), ...(this.stores.size > 0 ? [performance.now() + retryMs.most] : []))
    clearTimeout(this.later ?? undefined)
    this.later = setTimeout(() => void this.store(parts, session), Math.max(next - performance.now(), 10)).unref()
  }
}
