import * as os from 'qjs:os'
import { listFolder } from '@/guest/files'
import type { Device } from '@/guest/oci'

/** What every container has of its own, or what is no node: as crun makes them. */
const own = new Set(['console', 'fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero'])
const deepest = 3

/** As glibc's gnu_dev_major and gnu_dev_minor unpack what fits in 32 bits. */
export function majorMinor(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}

function deviceAt(path: string, { mode, rdev }: os.Status): Device | undefined {
  const kind = mode & os.S_IFMT
  if (kind !== os.S_IFCHR && kind !== os.S_IFBLK) return undefined
  return { path, type: kind === os.S_IFCHR ? 'c' : 'b', ...majorMinor(rdev), fileMode: mode & 0o777 }
}

/** The devices of this VM that a privileged container gets, but for the port over which the agent speaks to the host. */
export function machineDevices(folder = '/dev', depth = 1): Device[] {
  return listFolder(folder).flatMap((name) => {
    if (depth === 1 && (own.has(name) || name.startsWith('vport'))) return []
    const path = `${folder}/${name}`
    const [status] = os.lstat(path)
    if (!status) return []
    if ((status.mode & os.S_IFMT) === os.S_IFDIR) return depth < deepest ? machineDevices(path, depth + 1) : []
    const device = deviceAt(path, status)
    return device ? [device] : []
  })
}
