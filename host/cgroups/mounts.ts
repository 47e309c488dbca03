import type { Controller } from './port'

/** Where control groups are mounted: version 2's tree, and version 1's by controller. */
export type CgroupMounts = { unified: string | null; legacy: Map<Controller, string> }

const isController = (option: string): option is Controller => option === 'memory' || option === 'pids' || option === 'cpu'

/** Reads them from proc_pid_mountinfo(5). Both may be there: version 2's tree then has the controllers that version 1's trees have not. */
export function cgroupMounts(mountinfo: string): CgroupMounts {
  const mounts: CgroupMounts = { unified: null, legacy: new Map() }
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ')
    const place = before?.split(' ')[4]
    const [type, , options] = after?.split(' ') ?? []
    if (!place) continue
    if (type === 'cgroup2') mounts.unified ??= place
    if (type === 'cgroup') for (const option of options?.split(',') ?? []) if (isController(option) && !mounts.legacy.has(option)) mounts.legacy.set(option, place)
  }
  return mounts
}
