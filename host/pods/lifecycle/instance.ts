import type { KillCause } from '../container-record'
import type { GuestExit } from '../ports'

/** One instance of a container, from its start to its end. */
export class Instance {
  resolve: (exit: GuestExit) => void = () => {}
  readonly exit: Promise<GuestExit> = new Promise((resolve) => (this.resolve = resolve))
  /** Aborted at its end, and when its probes and hooks are of no use any more. */
  readonly watching = new AbortController()
  /** Why the host ends it; null while it does not. */
  cause: KillCause | null = null
  hasEnded = false
  /** Its preStop hook was run; it is run once. */
  wasHooked = false

  constructor() {
    void this.exit.then(() => {
      this.hasEnded = true
      this.watching.abort(new Error('the container has ended'))
    })
  }
}
