import type { HostEvent, ImageReport, PodReport, ReportInput } from '@/contracts/host/v1'
import { imageKey } from '@/host/pods/image-reports'

/** Where the state comes from when a report is made: a change is a wake, never the content. */
export type ReportSource = {
  report(uid: string): PodReport | null
  reports(): PodReport[]
  /** By the key of a report of an image. */
  image(key: string): ImageReport | null
  imageReports(): ImageReport[]
}
export type SendReport = (report: ReportInput) => Promise<void>

const maxEvents = 2_000
/** Well below what the contract takes, so that no report is refused for its size and then for ever. */
const maxPerReport = { pods: 500, events: 1_000, images: 1_000 }
/** After a report: a start of a pod has many small steps, and each report is a transaction of the server. */
const gapMs = 40

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
  private events: HostEvent[] = []

  constructor(
    private readonly bootId: string,
    private readonly source: ReportSource,
  ) {}

  podChanged(uid: string): void {
    this.pods.add(uid)
    this.flush()
  }

  imageChanged(key: string): void {
    // The complete report of the next connection begins with all images: what changes before need not be kept.
    if (!this.send) return
    this.images.add(key)
    this.flush()
  }

  event(event: HostEvent): void {
    this.events.push(event)
    if (this.events.length > maxEvents) this.events.splice(0, this.events.length - maxEvents)
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
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.isSending) await this.sending
  }

  private get isDue(): boolean {
    return this.complete || this.pods.size > 0 || this.images.size > 0 || this.events.length > 0
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
    await Promise.resolve()
    while (this.send && this.isDue) {
      const send = this.send
      const report = this.next()
      try {
        await send(report)
        await new Promise((resolve) => setTimeout(resolve, gapMs))
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
    if (complete) {
      this.pods.clear()
      for (const image of this.source.imageReports()) this.images.add(imageKey(image))
    }
    // A pod that a complete report does not name is gone: pods alone are never left for the next one.
    const pods = complete ? this.source.reports() : take(this.pods, maxPerReport.pods).flatMap((uid) => this.source.report(uid) ?? [])
    const images = take(this.images, maxPerReport.images).flatMap((key) => this.source.image(key) ?? [])
    this.sequence += 1
    return { bootId: this.bootId, sequence: this.sequence, complete, pods, events: this.events.splice(0, maxPerReport.events), images }
  }
}

/** Takes at most `count` out of the set, the oldest first. */
function take(set: Set<string>, count: number): string[] {
  const taken = [...set].slice(0, count)
  for (const one of taken) set.delete(one)
  return taken
}
