import type { MountVolumeParams } from '@/contracts/guest/v1/volumes'
import type { Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { runInside } from '@/guest/inside'
import { openSubPath } from '@/guest/sub-path'
import { unmountInside } from '@/guest/volumes/detach'
import { holdersOf } from '@/guest/volumes/holders'
import { requireRunning, type HotPlace } from '@/guest/volumes/hot-place'
import { mountsOf } from '@/guest/volumes/mounts'
import { kernelPatterns, refusedPlace, sharedMemoryPatterns } from '@/guest/volumes/places'
import { mountOptions, type AttachedVolume } from '@/guest/volumes/volume'

const noFolder = 31
const notMounted = 32
const noSubPath = 33
const isKernels = 34

/** Outside first: the disk $1 as it is called in the VM, in what comes along into the container, which has no node of it. */
const nodeScript = `
IFS=: read -r major minor <"/sys/class/block/\${1#/dev/}/dev" && rm -f "/libexec/packed$1" && mknod -m 600 "/libexec/packed$1" b "$major" "$minor" || exit 1
`

/**
 * Inside the container: the file system is mounted with the folder of the guest's own programs as root, where its device is called as in the VM: the container's mounts are to name it so. A subPath is
 * entered first, and what was entered is mounted: a link that is put in its place afterwards leads nowhere.
 */
const mountScript = `
at=$1 part=$2 made=
[ -e "$at" ] || made=1
mkdir -p -- "$at" || exit ${noFolder}
cd / && at=$(realpath "$at") || exit ${noFolder}
case $at in
  ${sharedMemoryPatterns}) ;;
  ${kernelPatterns}) if [ -n "$made" ]; then rmdir "$at"; fi; printf %s "$at"; exit ${isKernels} ;;
esac
cd -P -- "$at" && nsenter -r/proc/self/fd/3 /busybox mount -t "$5" -o "$3" "$6" . || exit ${notMounted}
cd /
if [ -n "$part" ]; then
  cd -P -- "$at/$part" || { umount "$at"; exit ${noSubPath}; }
  case $(pwd -P) in
    "$at"/*) mount --bind . "$at" || { cd /; umount "$at"; exit ${notMounted}; } ;;
    *) echo "it leads out of the volume"; cd /; umount "$at"; exit ${noSubPath} ;;
  esac
  cd /
fi
if [ "$4" = 1 ]; then mount -o remount,bind,ro "$at" || exit ${notMounted}; fi
printf %s "$at"
`

/** Mounts an attached volume at a path as the container sees it. Throws where there cannot be a folder. */
export async function mountInto(container: Container, volume: AttachedVolume, { path, subPath, readOnly }: MountVolumeParams): Promise<HotPlace> {
  requireRunning(container)
  if (subPath !== '') {
    const place = openSubPath(volume.path, subPath, !volume.readOnly)
    place.close()
    if (!place.isFolder) throw new GuestError('InvalidRequest', 'the subPath of a volume that is mounted into a running container must be a folder', subPath)
  }
  const { pid } = container.process
  const { exitCode, output } = await runInside(pid, mountScript, [path, subPath, mountOptions(volume), readOnly && !volume.readOnly ? '1' : '0', volume.fsType, volume.disk], { script: nodeScript, arg: volume.disk })
  if (exitCode === 0) return { pid, volume, at: output }
  if (exitCode === isKernels) throw refusedPlace(path, output)
  if (exitCode === noFolder) throw new GuestError('InvalidRequest', `the container has no folder there, and none can be made: ${output}. Choose another path`, path)
  if (exitCode === noSubPath) throw new GuestError('InvalidRequest', `the subPath cannot be mounted: ${output}`, subPath)
  throw new GuestError('MountFailed', `the volume cannot be mounted into the container: ${output}`, path)
}

/** Takes a volume out of a container; nothing where it is not there any more. Throws Busy where it is in use, unless `force`. */
export async function unmountFrom({ pid, volume: { disk, name }, at }: HotPlace, force: boolean): Promise<void> {
  const left = () => mountsOf(pid, disk).filter((place) => place === at)
  await unmountInside(pid, left(), force)
  if (left().length === 0) return
  const holders = await holdersOf(disk)
  const who = holders.length > 0 ? `these have it open: ${holders.join(', ')}. End them` : 'something that cannot be named uses it. Try again'
  throw new GuestError('Busy', `the volume ${name} cannot be unmounted: ${who}, or unmount it by force`, at)
}
