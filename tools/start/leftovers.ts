import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { startTicks } from '@/tools/process/liveness.mjs'
import { hasEnded, runsSince, signalProcess } from '@/tools/start/signal'

const records = z.record(z.string(), z.object({ pid: z.number().int().positive(), ticks: z.string() }))
type Records = z.infer<typeof records>

/** So long a process of an earlier start has to end by itself; then it is killed, which takes a moment too. */
const LEAVING_MS = 40_000
const KILLED_MS = 20_000

/** Remembers which processes run, so that the next start finds those that outlived a supervisor that was killed. */
export class ProcessRecords {
  private current: Records = {}

  constructor(private readonly file: string) {}

  note(name: string, pid: number | undefined): void {
    const { [name]: _gone, ...others } = this.current
    const ticks = pid === undefined ? undefined : startTicks(pid)
    this.current = pid !== undefined && ticks !== undefined ? { ...others, [name]: { pid, ticks } } : others
    writeFileSync(`${this.file}.new`, JSON.stringify(this.current), { mode: 0o600 })
    renameSync(`${this.file}.new`, this.file)
  }

  /**
   * Ends what an earlier supervisor left running, and waits for what is about to end since that one is gone. The host gets
   * SIGUSR2, by which it leaves its VMs running for the next one; SIGTERM would have it stop them.
   */
  async endLeftovers(onNotice: (name: string, text: string) => void, { leavingMs = LEAVING_MS, killedMs = KILLED_MS } = {}): Promise<void> {
    for (const [name, { pid, ticks }] of Object.entries(this.read())) {
      if (!runsSince(pid, ticks)) continue
      onNotice(name, `process ${pid} of an earlier start still runs and is ended`)
      signalProcess(pid, name === 'host' ? 'SIGUSR2' : 'SIGTERM')
      if (await hasEnded(pid, ticks, leavingMs)) continue
      signalProcess(pid, 'SIGKILL')
      if (!(await hasEnded(pid, ticks, killedMs))) throw new Error(`process ${pid} (${name}) of an earlier start does not end. End it (kill -9 ${pid}), then run npm start again`)
    }
  }

  private read(): Records {
    try {
      return records.parse(JSON.parse(readFileSync(this.file, 'utf8')))
    } catch {
      return {} // none yet, or cut off by a crash of the machine: nothing of it runs any more
    }
  }
}
