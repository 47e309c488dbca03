import type { HostEvent } from '@/contracts/host/v1'
import { timestamp, type Clock } from './clock'
import type { PullProgress } from './ports'
import { storableText } from './storable-text'

/** Who hears of a pod: its tenant by events, the operator by the host's log. */
export type PodAudience = { onEvent: (event: HostEvent) => void; onPull: (reference: string, progress: PullProgress) => void; log: { warn(fields: object, text: string): void } }

/** Tells what happens to one pod, each text within the bounds of the host's protocol. */
export class PodEvents {
  /** Images that are being pulled for the start that is under way. */
  private readonly pulling = new Set<string>()
  constructor(
    private readonly podUid: string,
    private readonly audience: PodAudience,
    private readonly clock: Clock,
  ) {}

  readonly tell = (type: HostEvent['type'], reason: string, message: string): void => {
    this.audience.onEvent({ podUid: this.podUid, type, reason: reason.slice(0, 128), message: storableText(message, 4096), time: timestamp(this.clock) })
  }

  /** For the operator: what the tenant's message does not hold. */
  warn(error: unknown, text: string): void {
    this.audience.log.warn({ pod: this.podUid, err: error }, text)
  }

  pulled(reference: string, progress: PullProgress): void {
    // What comes of it, a pull or its refusal, tells itself.
    if (progress.wasDamaged) return this.tell('Warning', 'ImageDamaged', `Image "${reference}" was damaged on this host and has been removed; it is pulled anew where the pull policy allows it.`)
    if (!this.pulling.has(reference)) this.tell('Normal', 'Pulling', `Pulling image "${reference}".`)
    this.pulling.add(reference)
    this.audience.onPull(reference, progress)
  }

  /** All images are there: those that had to be pulled for it are told. */
  imagesReady(): void {
    for (const reference of this.pulling) this.tell('Normal', 'Pulled', `Pulled image "${reference}".`)
    this.pulling.clear()
  }
}
