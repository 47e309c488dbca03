import { isPersistentVolume } from './volume'
import type { PodSpec } from './spec'
import { plainPath, placeRefusal } from '../volume/places'

type Problem = { path: (string | number)[]; message: string }

/**
 * Where a spec that is new has volumes in the way of the kernel's folders. A spec that is stored is not looked at so: pods of before are read, and run, as they are. What lives in the pod's own
 * machine may be below /sys and /dev, as images ask for it; below /proc nothing may (runc, libcontainer/rootfs_linux.go `checkProcMount`).
 */
export function mountPlaceProblems(spec: Pick<PodSpec, 'initContainers' | 'containers' | 'volumes'>): Problem[] {
  const disks = new Set(spec.volumes.filter(isPersistentVolume).map(({ name }) => name))
  const refused = (path: Problem['path'], message: string | null): Problem[] => (message === null ? [] : [{ path, message }])
  return (['initContainers', 'containers'] as const).flatMap((list) => spec[list].flatMap(({ volumeMounts, volumeDevices = [] }, i) => [
    ...volumeMounts.flatMap(({ name, mountPath }, j) => refused([list, i, 'volumeMounts', j, 'mountPath'], disks.has(name) || isOfProc(mountPath) ? placeRefusal(mountPath, 'folder') : null)),
    ...volumeDevices.flatMap(({ devicePath }, j) => refused([list, i, 'volumeDevices', j, 'devicePath'], placeRefusal(devicePath, 'device'))),
  ]))
}

const isOfProc = (path: string): boolean => /^\/(proc(\/|$)|$)/.test(plainPath(path))
