import type * as z from 'zod/mini'
import type { ArchiveParams } from '@/contracts/guest/v1/requests'
import type { CommandGroup } from '@/guest/cgroups'
import { enterNamespaces } from '@/guest/inside'
import type { Link } from '@/guest/link'
import { spawnProcess, type Launched } from '@/guest/runtime'

/**
 * The guest's own tar at work inside a container's mount and process namespaces, so that it sees files, links and
 * read-only mounts as the container does and no link leads out of it. It all counts to the container's cgroup.
 */
const enter = `
echo $$ >"$1/cgroup.procs" || exit 1
shift
${enterNamespaces}`

const scripts = {
  out: `
path=$(realpath "$1" 2>/dev/null) && [ -e "$path" ] || { echo "$1: there is no such file or folder in the container" >&2; exit 2; }
if [ "$path" = / ]; then
  # The kernel's own folders hold no files that could be copied.
  cd /
  set --
  for name in * .[!.]* ..?*; do
    case $name in proc | sys | dev) continue ;; esac
    if [ -e "$name" ] || [ -L "$name" ]; then set -- "$@" "./$name"; fi
  done
  exec tar -c -f - --numeric-owner -- "$@"
fi
exec tar -c -f - --numeric-owner -C "\${path%/*}/" -- "\${path##*/}"
`,
  in: `
mkdir -p -- "$1" && cd -- "$1" || exit 2
exec tar -x -f - --numeric-owner
`,
} as const

/** Starts a copy; `pid` is a process of the container. */
export function launchArchive(pid: number, group: CommandGroup, { stream, direction, path }: z.infer<typeof ArchiveParams>, link: Link): Launched {
  return spawnProcess({ args: ['/bin/sh', '-c', enter, 'sh', group.path, String(pid), scripts[direction], path], stream, stdin: direction === 'in', stderr: true }, link)
}
