import { readdirSync, readFileSync } from 'node:fs'
import { startTicks } from '@/tools/process/liveness.mjs'
import { settle, type Count } from './counts'
import { pidOf } from './faults'
import { liveBytes } from './heap'

/** The processes that are measured. */
export const measured = ['web', 'control', 'host'] as const

/** Connections that are kept open for the next request come and go; one left a pod would be more than a hundred. */
const DESCRIPTOR_SLACK = 8
/** MiB. A leak of 100 KiB a pod is 16 MiB over the 160 pods of a full run. What is counted is only what a collection leaves: caches that are bounded, and compiled code. */
export const LIVE_SLACK = 8
/** MiB, of all that the process has from the kernel: freed pages that the allocator keeps are in it, so it shows only leaks outside of Node.js' own heap, of 200 KiB a pod and more. */
const RESIDENT_SLACK = 32
const MIB = 2 ** 20

export const liveName = (name: (typeof measured)[number]): string => `live memory of ${name}, MiB`

/** Descriptors and memory of web, control and host agent, all while nothing is asked of them. The same process must be there the next time. */
export async function measureLiving(): Promise<Count[]> {
  const counts: Count[] = []
  for (const name of measured) {
    const pid = pidOf(name)
    const ticks = pid === undefined ? undefined : startTicks(pid)
    if (pid === undefined || ticks === undefined) throw new Error(`no process ${name} runs`)
    const live = await liveBytes(pid)
    const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    counts.push(
      { name: `start of ${name}, ticks since the machine's`, value: Number(ticks), slack: 0 },
      { name: `descriptors of ${name}`, value: readdirSync(`/proc/${pid}/fd`).length, slack: DESCRIPTOR_SLACK },
      { name: liveName(name), value: tenths(live / MIB), slack: LIVE_SLACK },
      { name: `resident memory of ${name}, MiB`, value: tenths(resident / 1024), slack: RESIDENT_SLACK },
    )
  }
  return counts
}

const tenths = (value: number): number => Math.round(value * 10) / 10

/** Measures again until it is as it was, for what ends takes a moment; what it then is, with what is left after two minutes. */
export const settleLiving = (before: readonly Count[]) => settle(measureLiving, before, 5000)
