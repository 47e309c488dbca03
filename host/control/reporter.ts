import { maxExternalReports, type HostEvent, type ImageReport, type PodReport, type ReportInput } from '@/contracts/host/v1'
import type { ExternalReport } from '@/contracts/host/v1/external'
import { maxVolumeReports, type StoreReport, type VolumeReport } from '@/contracts/host/v1/volumes'
import { imageKey } from '@/host/pods/image-reports'
import { briefReport, briefVolume, fittingReport, jsonBytes, reportBytes } from './report-size'

/** Where the state comes from when a report is made: a change is a wake, never the content. */
export type ReportSource = {
  report(uid: string): PodReport | null
  reports(): PodReport[]
  /** By the key of a report of an image. */
  image(key: string): ImageReport | null
  imageReports(): ImageReport[]
}
/** As {@link ReportSource}, of floating addresses and balancers, by a key of theirs. */
export type ExternalSource = { externalReport(key: string): ExternalReport | null; externalReports(): ReadonlyMap<string, ExternalReport> }
/** The same of volumes and snapshots, by a key of theirs, and of stores, by their uid. */
export type VolumeSource = { report(key: string): VolumeReport | null; reports(): ReadonlyMap<string, VolumeReport>; storeReport(uid: string): StoreReport | null; storeReports(): StoreReport[] }
export type SendReport = (report: ReportInput) => Promise<void>

const maxEvents = 2_000
/** Well below what the contract takes, so that no report is refused for its size and then for ever. {@link reportBytes} bounds them too. */
const maxPerReport = { pods: 500, events: 1_000, images: 1_000, external: 1_000, volumes: 1_000, stores: 100 }
/** After a report: each is a transaction of the server. */
const gapMs = 150
/** What only says how far something is waits so long for more, or goes with what does not wait: a start of a pod has many small steps, and the processors that tell of them are those that it needs. */
const progressMs = 1_000

/**
 * Tells the server what changes. One report is on its way at a time; what changes meanwhile is sent with the next one, each
 * pod in its latest state. Events are kept until a report with them was taken, the oldest are dropped beyond a bound.
 */
export class Reporter {
  private sequence = 0
  private send: SendReport | null = null
  private sending: Promise<void> = Promise.resolve()
  private isSending = false
  private complete = false
  private readonly pods = new Set<string>()
  private readonly images = new Set<string>()
  private readonly external = new Set<string>()
  private readonly volumes = new Set<string>()
  private readonly stores = new Set<string>()
  private events: HostEvent[] = []
  /** Whether any of the events is not to wait. */
  private eventsAreDue = false
  /** Of which nobody has to know at once. */
  private readonly waiting = { pods: new Set<string>(), images: new Set<string>(), timer: null as NodeJS.Timeout | null }

  constructor(
    private readonly bootId: string,
    private readonly source: ReportSource,
    private readonly waitMs: number = gapMs,
    private readonly externalSource: ExternalSource | null = null,
    private readonly volumeSource: VolumeSource | null = null,
    private readonly patienceMs: number = progressMs,
  ) {}

  podChanged(uid: string): void {
    this.pods.add(uid)
    this.flush()
  }

  /** It came a little further. */
  podProgressed(uid: string): void {
    this.waiting.pods.add(uid)
    this.wait()
  }

  /** `isProgress`: nobody has to know at once. */
  imageChanged(key: string, isProgress = false): void {
    // The complete report of the next connection begins with all images: what changes before need not be kept.
    if (!this.send) return
    if (isProgress) {
      this.waiting.images.add(key)
      return this.wait()
    }
    this.images.add(key)
    this.flush()
  }

  externalChanged(key: string): void {
    // As of images.
    if (!this.send) return
    this.external.add(key)
    this.flush()
  }

  volumeChanged(key: string): void {
    if (!this.send) return
    this.volumes.add(key)
    this.flush()
  }

  storeChanged(uid: string): void {
    if (!this.send) return
    this.stores.add(uid)
    this.flush()
  }

  event(event: HostEvent): void {
    this.events.push(event)
    if (this.events.length > maxEvents) this.events.splice(0, this.events.length - maxEvents)
    // What goes well goes with what it leads to.
    if (event.type === 'Normal') return this.wait()
    this.eventsAreDue = true
    this.flush()
  }

  /** A connection is there: a complete report first, then every change, until {@link detach}. */
  attach(send: SendReport): void {
    this.send = send
    this.complete = true
    this.flush()
  }

  detach(): void {
    this.send = null
    this.images.clear()
    this.waiting.images.clear()
    this.external.clear()
    this.volumes.clear()
    this.stores.clear()
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.isSending) await this.sending
  }

  /** As {@link settled}, for an agent that ends: what waits is told too. */
  async finish(): Promise<void> {
    this.join()
    if (this.isDue) this.flush()
    await this.settled()
  }

  private get isDue(): boolean {
    return this.complete || this.pods.size > 0 || this.images.size > 0 || this.external.size > 0 || this.volumes.size > 0 || this.stores.size > 0 || (this.eventsAreDue && this.events.length > 0)
  }

  private wait(): void {
    this.waiting.timer ??= setTimeout(() => {
      this.waiting.timer = null
      this.join()
      if (this.isDue) this.flush()
    }, this.patienceMs).unref()
  }

  /** What waited goes with the next report. */
  private join(): void {
    const { pods, images } = this.waiting
    for (const uid of pods) this.pods.add(uid)
    for (const key of images) this.images.add(key)
    pods.clear()
    images.clear()
    this.eventsAreDue = this.events.length > 0
  }

  private flush(): void {
    if (this.isSending || !this.send) return
    this.isSending = true
    this.sending = this.sendAll().finally(() => {
      this.isSending = false
      if (this.isDue) this.flush()
    })
  }

  private async sendAll(): Promise<void> {
    // What changes in this turn of the event loop goes into one report.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.send && this.isDue) {
      const send = this.send
      const report = this.next()
      try {
        await send(report)
        await new Promise((resolve) => setTimeout(resolve, this.waitMs))
      } catch {
        // The connection is of no use any more; its session ends it, and the next one begins with a complete report.
        this.events = report.events.concat(this.events)
        for (const pod of report.pods) this.pods.add(pod.uid)
        if (this.send === send) this.detach()
        return
      }
    }
  }

  private next(): ReportInput {
    const complete = this.complete
    this.complete = false
    this.join()
    if (complete) {
      this.pods.clear()
      for (const image of this.source.imageReports()) this.images.add(imageKey(image))
      for (const { uid } of this.volumeSource?.storeReports() ?? []) this.stores.add(uid)
    }
    const room = new Room(reportBytes)
    const pods = complete ? this.allPods(room) : take(this.pods, maxPerReport.pods, room, (uid) => fitting(this.source.report(uid)))
    const images = take(this.images, maxPerReport.images, room, (key) => this.source.image(key))
    const external = complete ? this.allExternal(room) : take(this.external, maxPerReport.external, room, (key) => this.externalSource?.externalReport(key) ?? null)
    const volumes = complete ? this.allVolumes(room) : take(this.volumes, maxPerReport.volumes, room, (key) => this.volumeSource?.report(key) ?? null)
    const stores = take(this.stores, maxPerReport.stores, room, (uid) => this.volumeSource?.storeReport(uid) ?? null)
    this.sequence += 1
    return { bootId: this.bootId, sequence: this.sequence, complete, pods, events: this.takeEvents(room), images, ...(external.length > 0 && { external }), ...((complete ? this.volumeSource !== null : volumes.length > 0) && { volumes }), ...(stores.length > 0 && { stores }) }
  }

  /** A pod that a complete report does not name is gone: none is left for the next one, but what it says may be. */
  private allPods(room: Room): PodReport[] {
    return this.source.reports().map((pod) => {
      if (room.fits(pod)) return pod
      this.pods.add(pod.uid)
      const told = briefReport(pod)
      room.took(told)
      return told
    })
  }

  /**
   * What a complete report does not name is another host's to have: all that this one may answer for is named, in brief where there is no room. What is gone
   * need not be. As many as a report holds at most are no complete one for the server, which then gives nothing of this host to another.
   */
  private allExternal(room: Room): ExternalReport[] {
    this.external.clear()
    const all = [...(this.externalSource?.externalReports() ?? [])].filter(([, { phase }]) => phase !== 'Gone')
    for (const [key] of all.slice(maxExternalReports)) this.external.add(key)
    return all.slice(0, maxExternalReports).map(([key, report]) => {
      if (room.fits(report)) return report
      this.external.add(key)
      const told: ExternalReport = { kind: report.kind, uid: report.uid, phase: report.phase, reason: report.reason, message: '' }
      room.took(told)
      return told
    })
  }

  /** As of the outside: all that this host may open is named, in brief where there is no room. */
  private allVolumes(room: Room): VolumeReport[] {
    this.volumes.clear()
    const all = [...(this.volumeSource?.reports() ?? [])].filter(([, { phase }]) => phase !== 'Gone')
    for (const [key] of all.slice(maxVolumeReports)) this.volumes.add(key)
    return all.slice(0, maxVolumeReports).map(([key, report]) => {
      if (room.fits(report)) return report
      this.volumes.add(key)
      const told = briefVolume(report)
      room.took(told)
      return told
    })
  }

  /** At least one, so that no kind waits for ever for another. */
  private takeEvents(room: Room): HostEvent[] {
    let count = 0
    while (count < Math.min(this.events.length, maxPerReport.events) && (count === 0 || room.isLeft)) room.took(this.events[count++])
    const taken = this.events.splice(0, count)
    this.eventsAreDue = this.events.length > 0
    return taken
  }
}

const fitting = (pod: PodReport | null) => pod && fittingReport(pod)

/** What is left of a report's bytes. */
class Room {
  constructor(private left: number) {}

  get isLeft(): boolean {
    return this.left > 0
  }

  took(value: unknown): void {
    this.left -= jsonBytes(value)
  }

  /** Takes the value where it fits. */
  fits(value: unknown): boolean {
    const bytes = jsonBytes(value)
    if (bytes > this.left) return false
    this.left -= bytes
    return true
  }
}

/** Takes at most `count` out of the set while there is room, the oldest first, and at least one. */
function take<T>(set: Set<string>, count: number, room: Room, report: (key: string) => T | null): T[] {
  const taken: T[] = []
  let looked = 0
  for (const key of set) {
    if (looked === count || (taken.length > 0 && !room.isLeft)) break
    looked += 1
    set.delete(key)
    const value = report(key)
    if (value === null) continue
    room.took(value)
    taken.push(value)
  }
  return taken
}
