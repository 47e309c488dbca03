import { readFile, statfs } from 'node:fs/promises'

/** The kernel tells CPU time in hundredths of a second (USER_HZ, the same on every architecture that we run on). */
const microsecondsPerTick = 10_000

/** CPU time of a process in its life, in microseconds; null when it is gone. Source: proc(5), fields 14 and 15 of /proc/PID/stat. */
export async function processCpu(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The command's name may hold anything, blanks and parentheses included; fields are counted after its last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return text && Number.isFinite(ticks) ? ticks * microsecondsPerTick : null
}

/**
 * A process's proportional share of memory in bytes: pages that it shares with others (a template's) count by their part.
 * The kernel walks all of its pages for it, so ask rarely. Null when it is gone.
 */
export async function processMemory(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kB = /^Pss:\s+(\d+) kB/m.exec(text)?.[1]
  return kB === undefined ? null : Number(kB) * 1024
}

export type HostReading = { cpuMicroseconds: number | null; memoryBytes: number | null; diskUsedBytes: number | null }

/** What the machine has used: CPU time since it was booted, memory that is not available, the disk of the host's folder. */
export async function readHost(folder: string): Promise<HostReading> {
  const [stat, memory, disk] = await Promise.all([readFile('/proc/stat', 'utf8').catch(() => ''), readFile('/proc/meminfo', 'utf8').catch(() => ''), statfs(folder).catch(() => null)])
  return { cpuMicroseconds: busyMicroseconds(stat), memoryBytes: usedMemory(memory), diskUsedBytes: disk && (disk.blocks - disk.bfree) * disk.bsize }
}

/** user, nice, system, irq, softirq and steal; guests are in user already. */
function busyMicroseconds(stat: string): number | null {
  const [user, nice, system, , , irq, softirq, steal] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number)
  const ticks = [user, nice, system, irq, softirq, steal].reduce<number>((sum, each) => sum + (each ?? NaN), 0)
  return Number.isFinite(ticks) ? ticks * microsecondsPerTick : null
}

function usedMemory(meminfo: string): number | null {
  const value = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? NaN)
  const used = (value('MemTotal') - value('MemAvailable')) * 1024
  return Number.isFinite(used) ? used : null
}
