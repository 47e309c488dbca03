import type { HostEvent } from '@/contracts/host/v1'
import type { Logger } from '@/platform/logger'
import type { Clock } from './clock'
import type { FolderProblem } from './data-folder'

export type DiskWatchOptions = {
  find: () => Promise<FolderProblem | null>
  clock: Clock
  log: Pick<Logger, 'error' | 'warn'>
  /** Tells all pods of this host. */
  tell: (type: HostEvent['type'], reason: string, message: string) => void
}

const everyMs = 10_000

/** Looks again and again whether the host can write to its disk, and tells each change: to the operator by the log, to pods by an event. */
export class DiskWatch {
  /** What was found last; null: the disk can be written to. */
  problem: FolderProblem | null = null
  constructor(private readonly options: DiskWatchOptions) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await this.options.clock.sleep(everyMs, signal).catch(() => {})
    }
  }

  /** Looks now: somebody could not write. */
  async look(): Promise<FolderProblem | null> {
    const { find, log, tell } = this.options
    const before = this.problem
    const now = await find()
    // Another look may have ended before.
    if (before !== this.problem || now?.reason === before?.reason) return now
    this.problem = now
    if (now) {
      log.error({ reason: now.reason }, `the data folder cannot be written to: ${now.found} ${now.action}`)
      tell('Warning', now.reason, `${now.found} The pod goes on. What its containers write to their logs is lost meanwhile, and if the host agent ends, the pod may have to be started anew. ${now.action}`)
    } else {
      log.warn({}, 'the data folder can be written to again')
      tell('Normal', 'HostDiskRecovered', "The host's disk can be written to again.")
    }
    return now
  }
}
