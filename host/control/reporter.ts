import type { HostEvent, ImageReport, PodReport, ReportInput } from '@/contracts/host/v1'

/** Where the state comes from when a report is made: a change is a wake, never the content. */
export type ReportSource = {
  report(uid: string): PodReport | null
  reports(): PodReport[]
  image(reference: string): ImageReport | null
  imageReports(): ImageReport[]
}
export type SendReport = (report: ReportInput) => Promise<void>

const maxEvents = 2_000
const maxPerReport = 1_000
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

  imageChanged(reference: string): void {
    this.images.add(reference)
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
        for (const image of report.images) this.images.add(image.reference)
        if (this.send === send) this.send = null
        return
      }
    }
  }

  private next(): ReportInput {
    const complete = this.complete
    this.complete = false
    const pods = complete ? this.source.reports() : take(this.pods).flatMap((uid) => this.source.report(uid) ?? [])
    const images = complete ? this.source.imageReports() : take(this.images).flatMap((reference) => this.source.image(reference) ?? [])
    if (complete) {
      this.pods.clear()
      this.images.clear()
    }
    this.sequence += 1
    return { bootId: this.bootId, sequence: this.sequence, complete, pods, events: this.events.splice(0, maxPerReport), images }
  }
}

/** Takes at most {@link maxPerReport} out of the set. */
function take(set: Set<string>): string[] {
  const taken = [...set].slice(0, maxPerReport)
  for (const one of taken) set.delete(one)
  return taken
}
