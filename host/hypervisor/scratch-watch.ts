import { stat } from 'node:fs/promises'

const everyMs = 5000

/**
 * Looks whether a VM made its scratch disk larger than it was given. Once a VM is let write files of a volume's size, the kernel does not keep a QEMU that was broken
 * into from that; a sound one never does it.
 */
export class ScratchWatch {
  private readonly timer: NodeJS.Timeout

  constructor(
    private readonly scratch: { file: string; bytes: number },
    private readonly onTooLarge: () => void,
  ) {
    this.timer = setInterval(() => void this.check(), everyMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Looks now. */
  async check(): Promise<void> {
    const size = await stat(this.scratch.file).then((file) => file.size, () => 0)
    if (size > this.scratch.bytes) this.onTooLarge()
  }
}
