import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { controllers, withoutCgroups, type Cgroups, type Controller } from './port'
import { makeGroup, messageOf, removeGroup, writeSettings, type Setting } from './group-files'
import type { VmLimits } from './limits'

const periodUs = 100_000

/** Version 1's files, in an order that the kernel takes: memory with swap may not be less than memory. Source: the kernel's Documentation/admin-guide/cgroup-v1. */
export function legacySettings({ memoryBytes, processes, cpus, weight }: VmLimits): Record<Controller, Setting[]> {
  return {
    memory: [{ file: 'memory.limit_in_bytes', value: String(memoryBytes) }, { file: 'memory.memsw.limit_in_bytes', value: String(memoryBytes), optional: true }],
    pids: [{ file: 'pids.max', value: String(processes) }],
    cpu: [
      { file: 'cpu.shares', value: String(Math.min(262_144, 1024 * weight)) },
      { file: 'cpu.cfs_period_us', value: String(periodUs), optional: true },
      { file: 'cpu.cfs_quota_us', value: String(cpus * periodUs), optional: true },
    ],
  }
}

/** VMs' groups in version 1's trees, one a controller (two controllers may share a tree). */
export async function openLegacy(mounts: ReadonlyMap<Controller, string>, parent: string): Promise<Cgroups> {
  const usable = new Map<Controller, string>()
  let problem = ''
  for (const controller of controllers) {
    const root = mounts.get(controller)
    if (root === undefined) continue
    const top = join(root, parent)
    try {
      await mkdir(top, { recursive: true })
      await access(join(top, 'cgroup.procs'), constants.W_OK)
      usable.set(controller, top)
    } catch (error) {
      problem ||= messageOf(error)
    }
  }
  if (usable.size === 0) return withoutCgroups(problem ? `no limits can be set: ${problem}` : `none of the controllers ${controllers.join(', ')} is mounted`)
  const missing = controllers.filter((each) => !usable.has(each))
  const parents = [...new Set(usable.values())]
  const folders = (name: string) => parents.map((top) => join(top, name))
  return {
    support: { version: 1, missing, reason: missing.length === 0 ? '' : `version 1's trees do not let us use ${missing.join(', ')}${problem && `: ${problem}`}` },
    parents,
    folders,
    make: async (name, limits) => {
      const made = folders(name)
      const settings = legacySettings(limits)
      try {
        await Promise.all(made.map(makeGroup))
        await Promise.all([...usable].map(([controller, top]) => writeSettings(join(top, name), settings[controller])))
      } catch (error) {
        await removeGroup(made)
        throw error
      }
      return made
    },
  }
}
