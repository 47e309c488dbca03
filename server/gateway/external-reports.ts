import type { ExternalReport } from '@/contracts/host/v1/external'
import type { Logger } from '@/platform/logger'
import type { DatabaseClient } from '@/server/store/database'
import { storeAddressReport, storeBalancerReport } from '@/server/store/external-reports'
import { listOwnersOnHost } from '@/server/store/external-state'
import { writeExternal, type ExternalWrite } from './external-writes'
import { keyOfReport } from './held-external'
import type { HostSession } from './host-sessions'
import type { ExternalName } from './read-report'

type Parts = { db: DatabaseClient; log: Logger }
type Waiting = { report: ExternalReport; tenantId: string | null }

/** A tenant that somebody else is at work for is tried again after so long, twice as long each time, and at most this long. */
const retryMs = { first: 100, most: 2_000, failed: 30_000 }
const partSize = 200
/** More than these are taken only once some are stored: a host has the rest of its report yet. */
const maxWaiting = 20_000

/**
 * What one connection's host said of addresses and balancers and what is not stored yet: of each its newest word. It is stored a tenant at a time, beside the host's other
 * reports: these wait for no tenant, nor does one tenant for another. What cannot be stored now is tried again until it is, or the connection ends; the next one begins with
 * all that its host has to say.
 */
export class ExternalReports {
  private readonly waiting = new Map<string, Waiting>()
  private readonly busy = new Map<string, { ms: number; until: number }>()
  private running: Promise<void> | null = null
  private isRunning = false
  private again = false
  private later: NodeJS.Timeout | null = null

  /**
   * Takes what the host said, once it is known that this is its connection. `answering`: all that it may answer for, where it said so and that can be read. An answer to a removal is no word on what it is told to have: it says what the host has let go of,
   * and what it said before that is of no matter any more.
   */
  take(session: HostSession, reports: readonly ExternalReport[], answering: readonly ExternalName[] | null): void {
    if (!session.takesExternal) return
    const begins = answering !== null && !session.held.isReady
    if (begins) session.held.begin(answering)
    let settled = false
    for (const report of reports) {
      const key = keyOfReport(report)
      this.waiting.delete(key)
      if (session.held.settle(report)) settled = true
      else {
        if (session.held.hear(report)) settled = true
        this.waiting.set(key, { report, tenantId: null })
      }
    }
    if (begins) session.wakeExternal()
    else if (settled) session.wakeSettled()
  }

  /** How many wait. */
  get size(): number {
    return this.waiting.size
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
      try {
        await this.pass(parts, session)
      } catch (err) {
        parts.log.error({ err, hostId: session.hostId }, 'what a host said of the outside could not be stored: it is tried again')
        this.tryAfter(retryMs.most, parts, session)
      }
    }
    this.isRunning = false
  }

  private async pass({ db, log }: Parts, session: HostSession): Promise<void> {
    await this.findOwners(db, session.hostId)
    for (const [tenantId, all] of this.ready()) {
      for (let at = 0; at < all.length; at += partSize) {
        const part = all.slice(at, at + partSize).filter(([key, one]) => this.waiting.get(key) === one)
        const result = session.closed ? 'superseded' : await this.write({ db, log }, session, tenantId, part.map(([, { report }]) => report))
        if (result === 'superseded') return this.forget()
        if (result === 'busy') break
        for (const [key, one] of part) if (this.waiting.get(key) === one) this.waiting.delete(key)
      }
    }
    const wanted = new Set([...this.waiting.values()].map(({ tenantId }) => tenantId))
    for (const tenantId of this.busy.keys()) if (!wanted.has(tenantId)) this.busy.delete(tenantId)
    const next = Math.min(...[...this.busy.values()].map(({ until }) => until))
    if (Number.isFinite(next)) this.tryAfter(next - performance.now(), { db, log }, session)
  }

  private forget(): void {
    this.waiting.clear()
    this.busy.clear()
  }

  /** What waits by whose it is, without tenants that were busy just now. */
  private ready(): Map<string, [string, Waiting][]> {
    const ready = new Map<string, [string, Waiting][]>()
    for (const [key, one] of this.waiting) {
      if (one.tenantId === null || (this.busy.get(one.tenantId)?.until ?? 0) > performance.now()) continue
      const all = ready.get(one.tenantId)
      if (all) all.push([key, one])
      else ready.set(one.tenantId, [[key, one]])
    }
    return ready
  }

  /** What cannot be written of one tenant keeps no other's from being written. */
  private async write({ db, log }: Parts, session: HostSession, tenantId: string, reports: readonly ExternalReport[]): Promise<ExternalWrite> {
    let most = retryMs.most
    const result = await writeExternal(db, session, tenantId, async (tx) => {
      for (const report of reports) await (report.kind === 'balancer' ? storeBalancerReport : storeAddressReport)(tx, session.hostId, report)
    }).catch((err: unknown): ExternalWrite => {
      log.error({ err, hostId: session.hostId, tenantId }, 'what a host said of what a tenant has on the outside could not be stored: it is tried again')
      most = retryMs.failed
      return 'busy'
    })
    const ms = Math.min((this.busy.get(tenantId)?.ms ?? retryMs.first / 2) * 2, most)
    if (result === 'busy') this.busy.set(tenantId, { ms, until: performance.now() + ms })
    else this.busy.delete(tenantId)
    return result
  }

  /** Of what is not this host's it has no say. */
  private async findOwners(db: DatabaseClient, hostId: string): Promise<void> {
    const unknown = [...this.waiting].filter(([, { tenantId }]) => tenantId === null)
    if (unknown.length === 0) return
    const owners = new Map((await listOwnersOnHost(db, hostId, unknown.map(([, { report }]) => report.uid))).map(({ uid, tenantId }) => [uid, tenantId]))
    for (const [key, one] of unknown) {
      one.tenantId = owners.get(one.report.uid) ?? null
      if (one.tenantId === null && this.waiting.get(key) === one) this.waiting.delete(key)
    }
  }

  private tryAfter(ms: number, parts: Parts, session: HostSession): void {
    clearTimeout(this.later ?? undefined)
    this.later = setTimeout(() => void this.store(parts, session), Math.max(ms, 10)).unref()
  }
}
