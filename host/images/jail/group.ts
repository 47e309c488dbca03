import { removeGroup } from '@/host/cgroups/group-files'
import type { Cgroups } from '@/host/cgroups/port'
import type { JailLimits } from './jail'

/** Of this agent. Without any (an account that is not root, a machine without groups) the limits of each process are all there is. */
let groups: Pick<Cgroups, 'make' | 'folders'> | null = null
let made = 0

/** Jails get a group each, beside the VMs' own; one that an agent left behind goes with theirs. */
export function putJailsInGroups(cgroups: Pick<Cgroups, 'make' | 'folders'> | null): void {
  groups = cgroups
}

/** Joins the groups, whose files come first, and becomes the command. */
const joinScript = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 1; shift; n=$((n - 1)); done; exec "$@"'

/** A jail's command in a group of its own: its processes together have no more than one limit of memory and number. `leave` removes the group once they have ended. */
export type InGroup = { command: string; args: string[]; leave: () => Promise<void> }

/** Throws where a group cannot be made though there are groups. `called`: of a jail that outlives the agent, another name than that of any jail of the next one. */
export async function inGroup({ memoryBytes, processes }: Pick<JailLimits, 'memoryBytes' | 'processes'>, [command, args]: [string, string[]], called?: string): Promise<InGroup> {
  made += 1
  // Beside the limit of the account: bubblewrap and its first process, the shell, and who runs as root until the account is taken.
  const folders = (await groups?.make(called ?? `jail-${process.pid}-${made}`, { memoryBytes, processes: processes + 4, cpus: 2, weight: 1 })) ?? []
  if (folders.length === 0) return { command, args, leave: () => Promise.resolve() }
  const files = folders.map((folder) => `${folder}/cgroup.procs`)
  return { command: 'sh', args: ['-c', joinScript, 'jail', String(files.length), ...files, command, ...args], leave: async () => void (await removeGroup(folders)) }
}

/** Removes the group that a jail of this name had, of this agent's or an earlier one's; its processes have ended. */
export async function removeJailGroup(called: string): Promise<void> {
  if (groups) await removeGroup(groups.folders(called))
}
