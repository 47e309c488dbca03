import * as os from 'qjs:os'
import { makeFolder, readKeyedNumbers, readNumber, readText, writeFile } from '@/guest/files'

const mountPoint = '/sys/fs/cgroup'

/** A container's cgroup below the cgroup file system. */
export function cgroupPath(container: string): string {
  return `/pod/${container}`
}

/**
 * A cgroup of one command within its container's, so that the command can be ended with all that it started: what
 * the container as a whole may use bounds it still, for no controller is handed on.
 */
export class CommandGroup {
  /** As the cgroup file system has it. */
  readonly path: string

  constructor(
    container: string,
    /** Within the container's cgroup. */
    readonly name: string,
  ) {
    this.path = `${mountPoint}${cgroupPath(container)}/${name}`
  }

  make(): void {
    makeFolder(this.path)
  }

  /** Ends every process in it at once. */
  kill(): void {
    try {
      writeFile(`${this.path}/cgroup.kill`, '1')
    } catch {
      // It went with its container.
    }
  }

  /** False where processes are left in it, which what has ended may leave behind as it may in any container. */
  remove(): boolean {
    const error = os.remove(this.path)
    return error === 0 || error === ENOENT
  }
}

const ENOENT = -2

/** How often the kernel killed a process of a container for want of memory. */
export function oomKills(container: string): number {
  return readKeyedNumbers(`${mountPoint}${cgroupPath(container)}/memory.events`).get('oom_kill') ?? 0
}

export interface ContainerUsage {
  cpuMicroseconds: number
  memoryBytes: number
  processes: number
  oomKills: number
  readBytes: number
  writtenBytes: number
}

/** What a container uses now; zeros once it is gone. */
export function containerUsage(container: string): ContainerUsage {
  const folder = `${mountPoint}${cgroupPath(container)}`
  return {
    cpuMicroseconds: readKeyedNumbers(`${folder}/cpu.stat`).get('usage_usec') ?? 0,
    memoryBytes: readNumber(`${folder}/memory.current`),
    processes: readNumber(`${folder}/pids.current`),
    oomKills: oomKills(container),
    ...diskBytes(`${folder}/io.stat`),
  }
}

/** Sums over all disks of lines such as `254:0 rbytes=4096 wbytes=0 …`. */
function diskBytes(path: string): { readBytes: number; writtenBytes: number } {
  const text = readText(path) ?? ''
  const sum = (key: string) => [...text.matchAll(new RegExp(` ${key}=(\\d+)`, 'g'))].reduce((total, match) => total + Number(match[1]), 0)
  return { readBytes: sum('rbytes'), writtenBytes: sum('wbytes') }
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
