import { stat, truncate } from 'node:fs/promises'

const maxBytes = 256 * 1024
const everyMs = 10_000

/** Keeps the file that QEMU's errors are appended to small: an escaped guest could else fill the host's disk through it. */
export class StderrBound {
  private readonly timer: NodeJS.Timeout

  constructor(private readonly file: string) {
    this.timer = setInterval(() => void this.check(), everyMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private async check(): Promise<void> {
    const size = (await stat(this.file).catch(() => undefined))?.size ?? 0
    if (size > maxBytes) await truncate(this.file, 0).catch(() => {})
  }
}
