import { readKeyedNumbers, readNumber } from '@/guest/files'

const mountPoint = '/sys/fs/cgroup'

/** A container's cgroup below the cgroup file system. */
export function cgroupPath(container: string): string {
  return `/pod/${container}`
}

/** How often the kernel killed a process of a container for want of memory. */
export function oomKills(container: string): number {
  return readKeyedNumbers(`${mountPoint}${cgroupPath(container)}/memory.events`).get('oom_kill') ?? 0
}

/** What a container uses now; zeros once it is gone. */
export function containerUsage(container: string): { cpuMicroseconds: number; memoryBytes: number; processes: number; oomKills: number } {
  const folder = `${mountPoint}${cgroupPath(container)}`
  return {
    cpuMicroseconds: readKeyedNumbers(`${folder}/cpu.stat`).get('usage_usec') ?? 0,
    memoryBytes: readNumber(`${folder}/memory.current`),
    processes: readNumber(`${folder}/pids.current`),
    oomKills: oomKills(container),
  }
}

/** What the whole VM uses. */
export function machineUsage(): { memoryTotalBytes: number; memoryAvailableBytes: number; cpuMicroseconds: number } {
  const memory = readKeyedNumbers('/proc/meminfo')
  return {
    memoryTotalBytes: (memory.get('MemTotal') ?? 0) * 1024,
    memoryAvailableBytes: (memory.get('MemAvailable') ?? 0) * 1024,
    cpuMicroseconds: readKeyedNumbers(`${mountPoint}/cpu.stat`).get('usage_usec') ?? 0,
  }
}
