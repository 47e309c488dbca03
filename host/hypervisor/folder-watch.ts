import { stat, truncate } from 'node:fs/promises'
import { codeOf } from '@/platform/error-code'

const maxBytes = 256 * 1024
const everyMs = 10_000

/**
 * Looks after the file that a VM's errors are appended to: keeps it small, for an escaped guest could else fill the host's
 * disk through it, and says when it is gone. A VM whose folder was removed belongs to nobody.
 */
export class FolderWatch {
  private readonly timer: NodeJS.Timeout

  constructor(
    private readonly file: string,
    private readonly onGone: () => void,
  ) {
    this.timer = setInterval(() => void this.check(), everyMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Looks now. */
  async check(): Promise<void> {
    try {
      if ((await stat(this.file)).size > maxBytes) await truncate(this.file, 0)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.onGone()
    }
  }
}
