import type { Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { runInside } from '@/guest/inside'
import type { Device } from '@/guest/oci'
import { requireRunning, type HotPlace } from '@/guest/volumes/hot-place'
import type { AttachedVolume } from '@/guest/volumes/volume'

const noFolder = 31
const taken = 32
const notOpened = 33

/** How many seconds a device may take to be opened. */
const opensWithin = 5

/**
 * Inside the container: the node of the device $2:$3 with mode $4 and group $5 at the path $1, which is printed without links. One that is there already is taken,
 * whoever made it. It is made in a folder that is root's alone and moved into its place: whoever may write to the folder around it could put a link there first, and what that leads to would be given another owner, or a
 * pipe, which nobody ever opens. It is opened once: where its folder is mounted with nodev the container could not either.
 */
const addScript = `
folder=$(dirname -- "$1") name=$(basename -- "$1")
mkdir -p -- "$folder" || exit ${noFolder}
cd / && folder=$(realpath "$folder") || exit ${noFolder}
at=\${folder%/}/$name
if [ -L "$at" ] || [ -e "$at" ]; then
  [ ! -L "$at" ] && [ -b "$at" ] && [ "$(stat -c %t:%T "$at")" = "$(printf %x:%x "$2" "$3")" ] || exit ${taken}
fi
fresh=$(mktemp -d "\${folder%/}/.hypernetes.XXXXXX") && cd "$fresh" && [ "$(stat -c %u:%a .)" = 0:700 ] || exit 1
mknod -m "$4" node b "$2" "$3" && chown -h "0:$5" node
made=$?
if [ $made = 0 ]; then timeout ${opensWithin} dd if=node of=/dev/null count=0 2>/dev/null || made=${notOpened}; fi
if [ $made = 0 ]; then mv -fT node "$at" || made=1; fi
rm -f node
cd / && rmdir "$fresh"
[ $made = 0 ] || exit $made
printf %s "$at"
`

/** Whatever has taken the node's place meanwhile is the container's own, and stays. */
const removeScript = `
if [ ! -L "$1" ] && [ -b "$1" ] && [ "$(stat -c %t:%T "$1")" = "$(printf %x:%x "$2" "$3")" ]; then rm -f -- "$1"; fi
`

/**
 * Makes the node of a volume of mode block in a container that runs, at `device.path` as the container sees it. Throws InvalidRequest where none can be, or something else is. No list of
 * devices is in the way: crun (1.21, cgroup-resources.c) bounds what a container may open only where its config does, and ours bounds it by the virtual machine.
 */
export async function addNode(container: Container, volume: AttachedVolume, device: Device): Promise<HotPlace> {
  requireRunning(container)
  const { pid } = container.process
  const { exitCode, output } = await makeNode(pid, device)
  if (exitCode === 0) return { pid, volume, at: output, node: { ...device, path: output } }
  if (exitCode === taken) throw new GuestError('InvalidRequest', 'the container has something else there: choose another path for the device', device.path)
  const why = { [noFolder]: 'it has no such folder, and none can be made', [notOpened]: 'no device can be opened there' }[exitCode] ?? 'no device can be made there'
  throw new GuestError('InvalidRequest', `the container cannot have the device at this path, for ${why}: ${output}. Choose a path below /dev`, device.path)
}

function makeNode(pid: number, { path, major, minor, fileMode, gid = 0 }: Device): ReturnType<typeof runInside> {
  return runInside(pid, addScript, [path, String(major), String(minor), fileMode.toString(8), String(gid)])
}

/** Nothing where they are not there any more. */
export async function removeNodes(places: readonly HotPlace[]): Promise<void> {
  for (const { pid, at, node } of places) if (node) await runInside(pid, removeScript, [at, String(node.major), String(node.minor)])
}

/** Makes nodes again that were removed. Throws nothing: a container that has put something else there has that. */
export async function restoreNodes(places: readonly HotPlace[]): Promise<void> {
  for (const { pid, node } of places) if (node) await makeNode(pid, node)
}
