import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isWithin, placeOf, vmPlaceOf } from '@/host/hypervisor/vm-place'
import { jailedProcesses } from '@/host/images/jail/testing/jailed-processes'
import { run } from '@/platform/exec'
import { podUidOf } from '../stray-processes'

/** The processes of VMs below a host's folder, by pod uid where they are a pod's. */
export async function virtualMachines(folder: string): Promise<{ pid: number; podUid: string }[]> {
  const ours = await placeOf(folder)
  const found: { pid: number; podUid: string }[] = []
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (!/^[^\0]*qemu-system/.test(command)) continue
    const place = await vmPlaceOf(Number(name))
    if (!place || !isWithin(place, ours)) continue
    const podUid = podUidOf(place, ours)
    if (podUid) found.push({ pid: Number(name), podUid })
  }
  return found
}

/**
 * All that pods of a host have on the machine, as lines that can be compared: VMs, the processes of their networks' resolvers, network namespaces
 * with their links and rules, rules of the host, files, cgroups, and what this process holds open.
 */
export async function census(folder: string, hostTag: string): Promise<string[]> {
  const namespaces = (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(`hyp-${hostTag}-`)).sort()
  const inside = await Promise.all(namespaces.map(async (name) => [...(await outputLines(['ip', '-n', name, '-o', 'link'])).map((line) => `${name} ${line.replace(/^\d+: /, '')}`), ...(await rules(['ip', 'netns', 'exec', name])).map((line) => `${name} ${line}`)]))
  const links = (await outputLines(['ip', '-o', 'link'])).filter((line) => line.includes(hostTag)).map((line) => line.replace(/^\d+: /, ''))
  const files = await Promise.all(['pods', 'ledger', 'logs', 'dns'].map((name) => tree(join(folder, name))))
  const cgroups = (await tree('/sys/fs/cgroup', true)).filter((path) => path.includes(hostTag))
  return [...(await processes(folder)), ...(await jailedProcesses(folder, hostTag)).map(({ program }) => `${program} in a jail`).sort(), ...namespaces, ...inside.flat(), ...links, ...(await rules([])).filter((line) => line.includes(hostTag)), ...files.flat(), ...cgroups, ...(await openFiles())]
}

const outputLines = async ([program = '', ...args]: string[]): Promise<string[]> => (await run(program, args)).stdout.split('\n').filter((line) => line !== '')
/** What counts up by itself is left out. */
const rules = async (prefix: string[]): Promise<string[]> => (await outputLines([...prefix, 'nft', 'list', 'ruleset']).catch(() => [])).map((line) => line.replace(/counter packets \d+ bytes \d+/, 'counter').trim())

async function processes(folder: string): Promise<string[]> {
  const vms = await virtualMachines(folder)
  return vms.map(({ podUid }) => `VM of ${podUid}`).sort()
}

async function tree(folder: string, foldersAlone = false): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => !foldersAlone || entry.isDirectory())
  const below = await Promise.all(entries.map(async (entry) => [join(folder, entry.name), ...(entry.isDirectory() ? await tree(join(folder, entry.name), foldersAlone) : [])]))
  return below.flat().sort()
}

/** By what is open, as far as it has a name; sockets and pipes are counted. */
async function openFiles(): Promise<string[]> {
  const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  const named = targets.filter((target) => target.startsWith('/') && !target.startsWith('/proc/'))
  const counts = ['socket:', 'pipe:'].map((kind) => `${targets.filter((target) => target.startsWith(kind)).length} ${kind}`)
  return [...named.map((target) => `open ${target}`).sort(), ...counts]
}
