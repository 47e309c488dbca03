import type { Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { runInside } from '@/guest/inside'
import { pause } from '@/guest/pause'
import { runScript } from '@/guest/processes'
import { removeNodes, restoreNodes } from '@/guest/volumes/device-node'
import { describeAll, holdersOf, mountersOf } from '@/guest/volumes/holders'
import type { HotPlace } from '@/guest/volumes/hot-place'
import { mountsOf } from '@/guest/volumes/mounts'
import type { AttachedVolume } from '@/guest/volumes/volume'
import { mayFail, writeOut } from '@/guest/volumes/write-out'

const lookMilliseconds = 100

/** The same inside a container and outside. A mount point that is gone meanwhile is none. */
const unmountScript = `
lazily=$1
shift
code=0
for place in "$@"; do
  if [ "$lazily" = 1 ]; then umount -l "$place" || code=1; else umount "$place" || code=1; fi
done
exit $code
`

/** Takes these mounts away in a container. Throws nothing: what is left is seen by who looks again. */
export async function unmountInside(pid: number, places: readonly string[], force: boolean): Promise<void> {
  if (places.length > 0) await runInside(pid, unmountScript, [force ? '1' : '0', ...places])
}

function isRunning({ exited }: Container): boolean {
  return !exited
}

/** Every mount of the disk, in the namespaces of these processes and then in the VM itself, where nobody can write to it any more. */
async function unmountAll(volume: AttachedVolume, pids: readonly number[], force: boolean, until: number): Promise<boolean> {
  const { disk } = volume
  for (const pid of pids) await unmountInside(pid, mountsOf(pid, disk), force)
  if (!force && volume.mode === 'filesystem' && mayFail(volume)) await writeOut(volume, until)
  const own = mountsOf('self', disk)
  if (own.length > 0) await runScript(unmountScript, [force ? '1' : '0', ...own])
  return mountsOf('self', disk).length === 0 && pids.every((pid) => mountsOf(pid, disk).length === 0)
}

function busy({ name }: AttachedVolume, holders: readonly string[]): GuestError {
  const who = holders.length > 0 ? `these have it open: ${holders.join(', ')}. End them, or wait for what is the virtual machine's own` : 'something in the VM that cannot be named uses it, such as a mount within it. Try again'
  return new GuestError('Busy', `the volume cannot be taken out: ${who}, or detach it by force`, name)
}

/** Writes all out, then the disk can be written again where it was made read-only here. */
const letGoScript = 'blockdev --flushbufs "$1"; blockdev --setrw "$1"; exit 0'

/** Removes the nodes by which running containers have it; where one was opened just before, they are there again. */
async function closeNodes(disk: string, nodes: readonly HotPlace[], force: boolean): Promise<readonly string[]> {
  await removeNodes(nodes)
  const holders = force || nodes.length === 0 ? [] : await holdersOf(disk)
  if (holders.length > 0) await restoreNodes(nodes)
  return holders
}

/** Removes one node of a volume. Throws Busy where anybody has the device open, by whatever node, unless `force`. */
export async function takeNode(place: HotPlace, force: boolean): Promise<void> {
  const holders = await closeNodes(place.volume.disk, [place], force)
  if (holders.length > 0) throw busy(place.volume, holders)
}

/** Who has it mounted where nothing is unmounted. */
async function elsewhere({ disk }: AttachedVolume, known: readonly number[]): Promise<string[]> {
  return describeAll(await mountersOf(disk, known)).map((one) => `${one}, mounted in a namespace of its own`)
}

/**
 * Takes a volume out of all containers and the VM; `notWritten` of the volume says then whether all was written out, unless `force`. `nodes`: of mode block, those that came into containers while they ran. Nothing was changed where it throws Busy because of who has it
 * open, or mounted in a namespace of its own: nobody is unmounted there, for what that shows as /proc is whatever its owner likes, and a program of ours would be looked up in it.
 */
export async function detach(volume: AttachedVolume, containers: () => readonly Container[], nodes: () => readonly HotPlace[], force: boolean, timeoutMilliseconds: number): Promise<void> {
  const until = Date.now() + timeoutMilliseconds
  const running = () => containers().filter(isRunning).map(({ process }) => process.pid)
  await writeOut(volume, until)
  for (;;) {
    let holders: readonly string[] = force ? [] : [...(await holdersOf(volume.disk)), ...(await elsewhere(volume, running()))]
    const isUnmounted = holders.length === 0 && (await unmountAll(volume, running(), force, until))
    // Somebody may have come meanwhile.
    if (isUnmounted && !force) holders = await elsewhere(volume, [])
    if (isUnmounted && holders.length === 0) holders = await closeNodes(volume.disk, nodes(), force)
    if (isUnmounted && holders.length === 0) break
    if (Date.now() >= until) throw busy(volume, holders)
    await pause(lookMilliseconds)
  }
  if (volume.mode === 'block' && !force) await writeOut(volume, until)
  await runScript(letGoScript, [volume.disk])
}
