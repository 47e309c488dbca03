import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { controllers, withoutCgroups, type Cgroups, type Controller } from './port'
import { makeGroup, messageOf, removeGroup, writeSettings, type Setting } from './group-files'
import type { VmLimits } from './limits'

const periodUs = 100_000

/** Version 2's files. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst. */
export function unifiedSettings({ memoryBytes, processes, cpus, weight }: VmLimits): Record<Controller, Setting[]> {
  return {
    memory: [{ file: 'memory.max', value: String(memoryBytes) }, { file: 'memory.swap.max', value: '0', optional: true }],
    pids: [{ file: 'pids.max', value: String(processes) }],
    cpu: [{ file: 'cpu.weight', value: String(Math.min(10_000, 100 * weight)) }, { file: 'cpu.max', value: `${cpus * periodUs} ${periodUs}`, optional: true }],
  }
}

/** VMs' groups in version 2's tree. Where it has none of the controllers, the support says so and version 1 may serve. */
export async function openUnified(root: string, parent: string): Promise<Cgroups> {
  const top = join(root, parent)
  let problem = ''
  const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => void (problem ||= messageOf(error)))
  const offered = await words(join(root, 'cgroup.controllers'))
  const wanted = controllers.filter((each) => offered.includes(each))
  if (wanted.length === 0) return withoutCgroups(`${root} offers none of the controllers ${controllers.join(', ')}`)
  for (const each of wanted) await attempt(writeFile(join(root, 'cgroup.subtree_control'), `+${each}`, { flag: 'r+' }))
  await attempt(mkdir(top, { recursive: true }))
  for (const each of wanted) await attempt(writeFile(join(top, 'cgroup.subtree_control'), `+${each}`, { flag: 'r+' }))
  const enabled = await words(join(top, 'cgroup.subtree_control'))
  const usable = controllers.filter((each) => enabled.includes(each))
  if (usable.length === 0) return withoutCgroups(`no limits can be set below ${root}: ${problem}`)
  const missing = controllers.filter((each) => !usable.includes(each))
  const folders = (name: string) => [join(top, name)]
  return {
    support: { version: 2, missing, reason: missing.length === 0 ? '' : `${root} does not let us use ${missing.join(', ')}${problem && `: ${problem}`}` },
    parents: [top],
    folders,
    make: async (name, limits) => {
      const made = folders(name)
      const settings = unifiedSettings(limits)
      try {
        await makeGroup(join(top, name))
        await writeSettings(join(top, name), usable.flatMap((each) => settings[each]))
      } catch (error) {
        await removeGroup(made)
        throw error
      }
      return made
    },
  }
}

const words = async (file: string) => (await readFile(file, 'utf8').catch(() => '')).split(/[\s+]+/).filter(Boolean)
