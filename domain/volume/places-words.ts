import { podContainers, type PodSpec } from '../pod/spec'
import type { HotMount } from './attachment'

type Place = Pick<HotMount, 'container' | 'mountPath'>

const named = 3

/** Where containers of a pod have a volume by its spec, which calls it so: its mounts, or its device. */
export function placesInSpec(spec: PodSpec, volume: string): Place[] {
  return podContainers(spec).flatMap(({ spec: { name: container, volumeMounts, volumeDevices = [] } }) => [
    ...volumeMounts.flatMap(({ name, mountPath }) => (name === volume ? [{ container, mountPath }] : [])),
    ...volumeDevices.flatMap(({ name, devicePath }) => (name === volume ? [{ container, mountPath: devicePath }] : [])),
  ])
}

/** `, at /data in the container "web"` and more of them; empty where there is none. */
export function placesInWords(places: readonly Place[]): string {
  if (places.length === 0) return ''
  const paths = [...new Set(places.map(({ mountPath }) => mountPath))]
  const said = paths.slice(0, named).map((path) => `${path} in ${containersInWords(places.filter(({ mountPath }) => mountPath === path).map(({ container }) => container))}`)
  return `, at ${said.join(' and at ')}${paths.length > named ? ` and at ${paths.length - named} more` : ''}`
}

function containersInWords(containers: readonly string[]): string {
  const quoted = containers.slice(0, named).map((name) => `"${name}"`)
  const more = containers.length > named ? ` and ${containers.length - named} more` : ''
  return `the ${containers.length === 1 ? 'container' : 'containers'} ${quoted.join(', ')}${more}`
}
