import { serverPath, type RunningServer } from './server-changes'

const lookMs = 1_000

/** Servers that leave: each is deleted once nothing is connected to it; what is, when its time is over, is cut. */
export class Draining {
  /** When the time of each is over. */
  private readonly until = new Map<string, number>()
  private timer: NodeJS.Timeout | undefined
  /** `say`: once it is HAProxy's turn, says what the function has to say then. */
  constructor(private readonly say: (command: () => string | null) => Promise<string>) {}

  /** These leave now, and nobody else does: who left before keeps its time. */
  set(leaving: readonly RunningServer[], drainMs: number): void {
    const paths = new Set(leaving.map(serverPath))
    for (const path of this.until.keys()) if (!paths.has(path)) this.until.delete(path)
    for (const path of paths) if (!this.until.has(path)) this.until.set(path, performance.now() + drainMs)
    this.later()
  }

  clear(): void {
    this.until.clear()
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private later(): void {
    if (this.until.size > 0) this.timer ??= setTimeout(() => void this.look(), lookMs).unref()
  }

  private async look(): Promise<void> {
    for (const [path, until] of this.until) {
      // HAProxy itself knows whether anything is connected to it, and says no then. Who came back meanwhile is none that leaves any more.
      const text = () => (this.until.get(path) !== until ? null : `${performance.now() >= until ? `shutdown sessions server ${path}; ` : ''}del server ${path}`)
      const answer = await this.say(text).catch(() => '')
      if (this.until.get(path) === until && (answer.includes('Server deleted') || answer.includes('No such server'))) this.until.delete(path)
    }
    this.timer = undefined
    this.later()
  }
}
