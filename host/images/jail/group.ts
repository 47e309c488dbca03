import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { removeEmptyGroup, removeGroup } from '@/host/cgroups/group-files'
import type { Cgroups } from '@/host/cgroups/port'
import type { JailLimits } from './jail'

/** Of this agent. Without any (an account that is not root, a machine without groups) the limits of each process are all there is. */
let groups: Pick<Cgroups, 'make' | 'folders'> | null = null
/** Folders of groups in which something had not ended when they were to be removed. No other jail gets a group of such a name. */
const left = new Set<string>()
let again: NodeJS.Timeout | undefined
const againMs = 5_000
/** Jails' groups, whose names come once. A VM's comes again with its next start, and is its own affair. */
const ofJail = /^(jail|resolver|balancer)-[0-9a-f]+$/

/**
 * Jails get a group each, beside the VMs' own. `found`: folders of groups that an earlier agent left and in which something runs. Those of jails are removed once it has ended, be it one that the
 * agent was killed while it started, and which ended by itself a moment after the next agent looked; so are those that this agent could not remove.
 */
export function putJailsInGroups(cgroups: Pick<Cgroups, 'make' | 'folders'> | null, found: readonly string[] = []): void {
  groups = cgroups
  clearInterval(again)
  left.clear()
  if (!cgroups) return
  for (const folder of found) if (ofJail.test(basename(folder))) left.add(folder)
  again = setInterval(() => void removeLeft(), againMs).unref()
}

async function removeLeft(): Promise<void> {
  await Promise.all([...left].map(async (folder) => (await removeEmptyGroup(folder)) && left.delete(folder)))
}

async function remove(folders: readonly string[]): Promise<void> {
  if (!(await removeGroup(folders))) for (const folder of folders) left.add(folder)
}

/** Joins the groups, whose files come first, and becomes the command. */
const joinScript = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 1; shift; n=$((n - 1)); done; exec "$@"'

/** A jail's command in a group of its own: its processes together have no more than one limit of memory and number. `leave` removes the group once they have ended. */
export type InGroup = { command: string; args: string[]; leave: () => Promise<void> }

/** Throws where a group cannot be made though there are groups. `called`: of a jail that outlives the agent, another name than that of any jail of the next one. */
export async function inGroup({ memoryBytes, processes }: Pick<JailLimits, 'memoryBytes' | 'processes'>, [command, args]: [string, string[]], called?: string): Promise<InGroup> {
  // Beside the limit of the account: bubblewrap and its first process, the shell, and who runs as root until the account is taken.
  const folders = (await groups?.make(called ?? `jail-${randomBytes(6).toString('hex')}`, { memoryBytes, processes: processes + 4, cpus: 2, weight: 1 })) ?? []
  if (folders.length === 0) return { command, args, leave: () => Promise.resolve() }
  const files = folders.map((folder) => `${folder}/cgroup.procs`)
  return { command: 'sh', args: ['-c', joinScript, 'jail', String(files.length), ...files, command, ...args], leave: () => remove(folders) }
}

/** Removes the group that a jail of this name had, of this agent's or an earlier one's; its processes have ended. */
export async function removeJailGroup(called: string): Promise<void> {
  if (groups) await remove(groups.folders(called))
}
