import { runScript } from '@/guest/processes'

/**
 * Shell that goes on inside the mount and process namespaces of the process $1, with the script $2 and what follows as its
 * arguments; nothing that the container brings is run. The program comes along in a mount of its own that hangs nowhere any
 * more once it is open, so that no `..` leads out of it. Once inside, the shell finds its other programs by /proc/self/exe.
 */
export const enterNamespaces = `
mount --bind /libexec/box /libexec/box && exec 3</libexec/box && umount -l /libexec/box || exit 1
process=$1 script=$2
shift 2
exec nsenter -t "$process" -m -p -- /proc/self/fd/3/busybox sh -c "$script" sh "$@"
`

/** Runs a fixed shell text inside a container, as {@link runScript} does in the VM. `before` comes first, outside, with $1 as its argument, and may leave descriptors open. */
export function runInside(pid: number, script: string, args: readonly string[], before?: { script: string; arg: string }): ReturnType<typeof runScript> {
  return runScript(`${before?.script ?? ''}\nshift\n${enterNamespaces}`, [before?.arg ?? '', String(pid), script, ...args])
}
