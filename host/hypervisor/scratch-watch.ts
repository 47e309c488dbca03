import { stat } from 'node:fs/promises'
import { replayBytes } from './replay-file'

const everyMs = 5000

/**
 * Looks whether a VM made its scratch disk, or the files that are written over volumes that it reads, larger than they were given. Once a VM is let write files of a volume's size, the kernel does not
 * keep a QEMU that was broken into from that; a sound one never does it.
 */
export class ScratchWatch {
  private readonly timer: NodeJS.Timeout
  /** How much those files may have together. An agent of an earlier version gave more: what is there when this begins. */
  private readonly replayMost: Promise<number>

  constructor(
    private readonly scratch: { file: string; bytes: number },
    private readonly runDir: string,
    private readonly onTooLarge: (what: string) => void,
  ) {
    this.replayMost = replayBytes(runDir).then((there) => Math.max(there, scratch.bytes))
    this.timer = setInterval(() => void this.check(), everyMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Looks now. */
  async check(): Promise<void> {
    const size = await stat(this.scratch.file).then((file) => file.size, () => 0)
    if (size > this.scratch.bytes) return this.onTooLarge('its scratch disk')
    if ((await replayBytes(this.runDir)) > (await this.replayMost)) this.onTooLarge('what it writes over volumes that it reads')
  }
}
