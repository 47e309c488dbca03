import { setTimeout as delay } from 'node:timers/promises'
import { VolumeError } from './store'

/** Of a store: bytes. `mark`: of a folder, what stands in the file that says which store it holds; null: there is none. */
export type Room = { totalBytes: number; freeBytes: number; mark?: string | null }

/** A store that takes longer is not reached. */
const patienceMs = 5_000

/**
 * How full a store is. One question of a store is under way at a time, however many ask: one that hangs (a network's file system that is away, a cluster without monitors) holds one thread or process up, and
 * whoever is content with an older answer starts none. Throws VolumeError.
 */
export class RoomGauge {
  /** `isLate`: whoever asked was told so, which a timer may do a moment before the clock says it. */
  private asking: { since: number; answer: Promise<Room>; isLate: boolean } | null = null
  private last: { at: number; answer: Promise<Room> } | null = null
  private known: Room | null = null

  constructor(
    private readonly name: string,
    private readonly ask: () => Promise<Room>,
  ) {}

  /** Whether what was asked is not answered for so long that whoever asks the store for something else would hang, too. */
  get isSilent(): boolean {
    return this.asking !== null && (this.asking.isLate || performance.now() - this.asking.since >= patienceMs)
  }

  /** Whether it had no room at all when it was asked last. */
  get wasFull(): boolean {
    return this.known?.freeBytes === 0
  }

  /** Whether it has no room at all, by an answer that is `goodMs` old at most; one that does not answer is as it was. */
  async isFull(goodMs: number): Promise<boolean> {
    return (await this.read(goodMs).catch(() => this.known))?.freeBytes === 0
  }

  /** Resolves or rejects within 5 s. `goodMs`: an answer that old will do. */
  async read(goodMs = 0): Promise<Room> {
    if (this.isSilent) throw this.silent
    if (!this.asking && this.last && performance.now() - this.last.at < goodMs) return this.last.answer
    this.asking ??= this.begin()
    const { asking } = this
    const { since, answer } = asking
    const late = new AbortController()
    const silence = delay(Math.max(0, patienceMs - (performance.now() - since)), undefined, { signal: late.signal }).then(() => {
      asking.isLate = true
      throw this.silent
    })
    silence.catch(() => {})
    return Promise.race([answer, silence]).finally(() => late.abort())
  }

  get silent(): VolumeError {
    return new VolumeError('Unreachable', this.name, `The store ${this.name} does not answer. It is tried again; ask the operator to look at it.`)
  }

  private begin(): { since: number; answer: Promise<Room>; isLate: boolean } {
    const answer = this.ask()
    answer.then((room) => void (this.known = room)).catch(() => {}).finally(() => {
      this.last = { at: performance.now(), answer }
      this.asking = null
    })
    return { since: performance.now(), answer, isLate: false }
  }
}
