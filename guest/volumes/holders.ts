import * as os from 'qjs:os'
import { listFolder, readText } from '@/guest/files'
import { pause } from '@/guest/pause'
import { allMountsOf, deviceNumber } from '@/guest/volumes/mounts'

const maxNamed = 10
/** So that a VM with very many open files holds up no stream, and a look ends. */
const looksPerTurn = 200
const maxLooks = 50_000
const maxMaps = 256 * 1024

const hex = (value: number) => value.toString(16).padStart(2, '0')

function describe(pid: string): string {
  const name = readText(`/proc/${pid}/comm`, 64)?.trim() ?? 'process'
  const container = /^0::\/pod\/([^/\n]+)/m.exec(readText(`/proc/${pid}/cgroup`, 1024) ?? '')?.[1]
  return `${name} (process ${pid} ${container === undefined ? 'of the virtual machine itself' : `in container ${container}`})`
}

const processes = (): string[] => listFolder('/proc').filter((name) => /^\d+$/.test(name))

/** For people to read: no more than ten. */
export const describeAll = (pids: readonly number[]): string[] => pids.slice(0, maxNamed).map((pid) => describe(String(pid)))

const mountNamespaceOf = (pid: number | 'self'): string => os.readlink(`/proc/${pid}/ns/mnt`)[0]

/**
 * Of each mount namespace (mount_namespaces(7)) that has the file system of a disk mounted one process, where it is neither the virtual machine's own nor one of `known`: programs make such for themselves by unshare(2), and what is unmounted elsewhere stays there. Not
 * what passes on to it an unmount in one of those, as under a systemd of a container's own. Threads that are in others than their process are not looked at.
 */
export async function mountersOf(disk: string, known: readonly number[]): Promise<number[]> {
  const ours = ['self', ...known] as const
  const seen = new Set(['', ...ours.map(mountNamespaceOf)])
  const passedOn = new Set(ours.flatMap((pid) => allMountsOf(pid, disk)).flatMap(({ groups }) => groups))
  const found: number[] = []
  for (const [i, pid] of processes().map(Number).entries()) {
    if (i % looksPerTurn === 0) await pause(0)
    const namespace = mountNamespaceOf(pid)
    if (seen.has(namespace)) continue
    await pause(0)
    // A process with another root sees no mount outside of that: the next one of the namespace may.
    if (allMountsOf(pid, disk).every(({ groups }) => groups.some((group) => passedOn.has(group)))) continue
    seen.add(namespace)
    found.push(pid)
  }
  return found
}

/** Processes that have something of a disk open: its file system's files and folders, or the device itself. Ten at most, as people read them. */
export async function holdersOf(disk: string): Promise<string[]> {
  const device = deviceNumber(disk)
  if (!device) return []
  const { rdev } = device
  const mapped = ` ${hex(device.major)}:${hex(device.minor)} `
  let looks = 0
  const holds = async (path: string): Promise<boolean> => {
    looks += 1
    if (looks % looksPerTurn === 0) await pause(0)
    const [status] = os.stat(path)
    return status !== null && (status.dev === rdev || ((status.mode & os.S_IFMT) === os.S_IFBLK && status.rdev === rdev))
  }
  const holdsAny = async (pid: string): Promise<boolean> => {
    for (const link of ['cwd', 'root', 'exe']) if (await holds(`/proc/${pid}/${link}`)) return true
    for (const fd of listFolder(`/proc/${pid}/fd`)) if (looks < maxLooks && (await holds(`/proc/${pid}/fd/${fd}`))) return true
    return (readText(`/proc/${pid}/maps`, maxMaps) ?? '').includes(mapped)
  }
  const found: string[] = []
  for (const pid of processes()) {
    if (found.length < maxNamed && (await holdsAny(pid))) found.push(describe(pid))
  }
  return found
}
