import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isAlive, startTicks } from '@/tools/process/liveness.mjs'

const records = z.record(z.string(), z.object({ pid: z.number().int().positive(), ticks: z.string() }))
type Records = z.infer<typeof records>

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
   * Ends what an earlier supervisor left running. The host gets SIGUSR2, by which it leaves its VMs running for
   * the next one; SIGTERM would have it stop them.
   */
  async endLeftovers(onNotice: (name: string, text: string) => void): Promise<void> {
    for (const [name, { pid, ticks }] of Object.entries(this.read())) {
      const runs = () => isAlive(pid) && startTicks(pid) === ticks
      if (!runs()) continue
      onNotice(name, `process ${pid} of an earlier start still runs and is ended`)
      process.kill(pid, name === 'host' ? 'SIGUSR2' : 'SIGTERM')
      for (let tries = 0; runs(); tries++) {
        if (tries === 800) process.kill(pid, 'SIGKILL')
        if (tries > 1200) throw new Error(`process ${pid} (${name}) of an earlier start does not end`)
        await delay(50)
      }
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
