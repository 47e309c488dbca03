import { maxVolumesPerPod } from '../volume/limits'
import { duplicates } from './fields'
import { referenceOf, type SpecVolumes } from './persistent-volumes'
import type { PodSpec } from './spec'
import { isPersistentVolume } from './volume'

type Problem = { path: (string | number)[]; message: string }

/** What is wrong with a spec's use of volumes that outlive it. */
export function persistentVolumeProblems(spec: SpecVolumes): Problem[] {
  return [...listProblems(spec.volumes), ...(['initContainers', 'containers'] as const).flatMap((list) => spec[list].flatMap((container, i) => deviceProblems(spec, container, [list, i])))]
}

function listProblems(volumes: SpecVolumes['volumes']): Problem[] {
  const keys = volumes.map((volume, i) => {
    const reference = referenceOf(volume)
    return reference ? `${reference.kind}/${reference.name}` : `${i}`
  })
  const twice = duplicates(keys).map((i): Problem => ({ path: ['volumes', i], message: 'names the same volume as another entry of this pod: mount that one several times instead' }))
  const many = volumes.filter(isPersistentVolume).length
  return many > maxVolumesPerPod ? [...twice, { path: ['volumes'], message: `must have at most ${maxVolumesPerPod} volumes of kind cinder and persistentVolumeClaim: a virtual machine has places for so many disks, and has ${many} here` }] : twice
}

/** A volume is a file system or a device, in all containers alike. */
function deviceProblems(spec: SpecVolumes, { volumeDevices = [] }: PodSpec['containers'][number], at: (string | number)[]): Problem[] {
  const mounted = new Set([...spec.initContainers, ...spec.containers].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)))
  return volumeDevices.flatMap(({ name }, i): Problem[] => {
    const path = [...at, 'volumeDevices', i, 'name']
    const volume = spec.volumes.find((one) => one.name === name)
    if (!volume) return [{ path, message: `no volume "${name}" is in spec.volumes` }]
    if (!isPersistentVolume(volume)) return [{ path, message: `the volume "${name}" is no disk of its own: name one of kind cinder or persistentVolumeClaim` }]
    return mounted.has(name) ? [{ path, message: `the volume "${name}" is mounted by a container of this pod: it is a file system or a device, in all of them` }] : []
  })
}
