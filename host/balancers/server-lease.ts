import { readFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import type { Heard } from '@/host/ledger/external-objects'

/** A clock that goes on while the machine sleeps and is the same for the next agent. Milliseconds. */
export const uptimeMs = (): number => Math.round(uptime() * 1000)

/**
 * How long ago the server was heard of: what this host answers for may go to another one when that is long. It is counted from when this host asked, which is not later
 * than when the server answered; and through restarts of the agent.
 */
export class ServerLease {
  private constructor(private readonly machineBoot: string, private last: number | null, private readonly keep: (heard: Heard) => void) {}

  /** `before`: what an earlier agent kept. Of another boot of the machine it says nothing: then the server was not heard of. */
  static async open(before: Heard | null, keep: (heard: Heard) => void): Promise<ServerLease> {
    const machineBoot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    return new ServerLease(machineBoot, before?.machineBoot === machineBoot ? before.uptimeMs : null, keep)
  }

  /** The server answered what was asked at this time. */
  heard(askedAt: number): void {
    if (this.last !== null && askedAt <= this.last) return
    this.last = askedAt
    this.keep({ machineBoot: this.machineBoot, uptimeMs: askedAt })
  }

  /** Whether this host may still answer for what it may answer for so many seconds without hearing of the server; null: for ever. */
  holds(until: number | null, now: number = uptimeMs()): boolean {
    return until === null || (this.last !== null && now - this.last <= until * 1000)
  }

  /** What is left of that time, in milliseconds; 0 where nothing is. */
  remainingMs(until: number, now: number = uptimeMs()): number {
    return this.last === null ? 0 : Math.max(0, until * 1000 - (now - this.last))
  }
}
