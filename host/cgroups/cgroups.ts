import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { closeGroups } from './group-files'
import { openLegacy } from './legacy'
import { cgroupMounts, type CgroupMounts } from './mounts'
import { controllers, withoutCgroups, type Cgroups, type CgroupSupport } from './port'
import { openUnified } from './unified'

/** What the machine offers, without making anything: whether it can be used shows when the agent opens it. */
export async function offeredCgroups(mounts?: CgroupMounts): Promise<CgroupSupport> {
  mounts ??= await findMounts()
  const offered = mounts.unified === null ? '' : await readFile(join(mounts.unified, 'cgroup.controllers'), 'utf8').catch(() => '')
  const unified = controllers.filter((each) => offered.split(/\s+/).includes(each))
  const legacy = controllers.filter((each) => mounts.legacy.has(each))
  const [version, usable] = unified.length > 0 && unified.length >= legacy.length ? [2, unified] as const : [1, legacy] as const
  const missing = controllers.filter((each) => !usable.includes(each))
  return { version: usable.length > 0 ? version : null, missing, reason: missing.length > 0 ? `the machine offers no ${missing.join(', ')}` : '' }
}

const findMounts = async () => cgroupMounts(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''))

/**
 * Opens the group `parent` (made where it is missing) at the top of the machine's hierarchies, so that an agent finds it
 * again whatever session starts it. Where both versions have controllers, the one with more of ours serves. Never throws: a machine
 * that cannot limit VMs runs them, and says so.
 */
export async function openCgroups(parent: string, mounts?: CgroupMounts): Promise<Cgroups> {
  mounts ??= await findMounts()
  const unified = mounts.unified === null ? null : await openUnified(mounts.unified, parent)
  if (unified && unified.support.missing.length === 0) return unified
  const legacy = mounts.legacy.size === 0 ? null : await openLegacy(mounts.legacy, parent)
  if (legacy && unified && unified.support.version !== null) {
    const [better, other] = legacy.support.missing.length < unified.support.missing.length ? [legacy, unified] : [unified, legacy]
    await closeGroups(other.parents)
    return better
  }
  return legacy ?? unified ?? withoutCgroups('no control groups are mounted (/sys/fs/cgroup)')
}
