import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolverFolder, isResolverUid } from '@/host/dns/jail'
import { balancerFolder } from '@/host/balancers/haproxy/places'
import { userOf } from '@/host/hypervisor/process-identity'
import { isWithin, placeMountedAt, placeOf } from '@/host/hypervisor/vm-place'

const namespaces = '/run/netns'
/** What a jail sees of a host's data: a resolver's, a HAProxy's and an image tool's folder. */
const folders = [resolverFolder, balancerFolder, '/puller', '/image']

/**
 * Processes of resolvers, HAProxies and image tools of the host whose data lies in `folder`, found by what the kernel says of them alone: an account of a jail, and a folder of
 * that data, a network namespace or a control group of that host tag. So one is found too whose files, whose group or whose shell above it are gone.
 */
export async function jailedProcesses(folder: string, hostTag: string): Promise<{ pid: number; program: string }[]> {
  const [ours, mounted, own] = [await placeOf(folder), await devicesMountedIn(folder), await namespacesOf(hostTag)]
  const isOurs = async (pid: number): Promise<boolean> => {
    const inode = await stat(`/proc/${pid}/ns/net`).then(({ ino }) => ino, () => -1)
    if (own.has(inode) || (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).includes(hostTag)) return true
    const places = await Promise.all(folders.map((at) => placeMountedAt(pid, at)))
    return places.some((place) => place !== undefined && (isWithin(place, ours) || mounted.has(place.device)))
  }
  const found: { pid: number; program: string }[] = []
  for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
    const uid = await userOf(pid)
    if (uid === undefined || !isResolverUid(uid) || !(await isOurs(pid))) continue
    const program = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim()
    // One that ended meanwhile has no name.
    if (program !== '') found.push({ pid, program })
  }
  return found
}

async function namespacesOf(hostTag: string): Promise<Set<number>> {
  const names = (await readdir(namespaces).catch(() => [])).filter((name) => name.includes(`-${hostTag}-`))
  return new Set(await Promise.all(names.map((name) => stat(join(namespaces, name)).then(({ ino }) => ino, () => -2))))
}

/** File systems that are mounted in a folder or below: a HAProxy's files are in memory. Source: proc_pid_mountinfo(5). */
async function devicesMountedIn(folder: string): Promise<Set<string>> {
  const place = await realpath(folder).catch(() => folder)
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' '))
  return new Set(mounts.flatMap(([, , device, , mountPoint]) => (device !== undefined && mountPoint?.startsWith(`${place}/`) ? [device] : [])))
}
