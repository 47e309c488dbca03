import { readFile, statfs } from 'node:fs/promises'
import { cpus } from 'node:os'

const MiB = 1 << 20

/** Kept for the system, the agent and what else runs on the machine: a tenth of its memory, at least 768 MiB, at most half. */
export const reservedMiB = (totalMiB: number): number => Math.min(Math.round(totalMiB / 2), Math.max(768, Math.round(totalMiB / 10)))

/** Processors, memory in MiB (with the reserve taken off the total) and free disk in MiB of the folder's file system. */
export async function machineFacts(folder: string): Promise<{ cpus: number; memoryMiB: number; memoryFreeMiB: number; diskFreeMiB: number }> {
  const [memory, disk] = await Promise.all([readFile('/proc/meminfo', 'utf8'), statfs(folder)])
  const value = (name: string) => Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1] ?? 0) / 1024)
  const total = value('MemTotal')
  return { cpus: cpus().length, memoryMiB: total - reservedMiB(total), memoryFreeMiB: value('MemAvailable'), diskFreeMiB: Math.floor((disk.bavail * disk.bsize) / MiB) }
}
