import type { StatsResult } from '@/contracts/guest/v1/answers'
import { podContainers, type PodSpec } from '@/domain/pod/spec'
import { formatBytes, parseBytes } from '@/domain/shared/quantity'
import type { Clock } from '../clock'
import type { Guest } from '../ports'

const everyMs = 10_000

const diskLimit = (container: { resources: PodSpec['containers'][number]['resources'] }): number | null => parseBytes(container.resources.limits['ephemeral-storage'] ?? '')
/** In memory a volume is bounded by its file system; on the scratch disk it has to be measured. */
const volumeLimit = (volume: PodSpec['volumes'][number]): number | null => (volume.emptyDir && volume.emptyDir.medium !== 'Memory' ? parseBytes(volume.emptyDir.sizeLimit ?? '') : null)

/** Whether a pod has limits of disk that must be measured while it runs. */
export const hasDiskLimits = (spec: PodSpec): boolean => podContainers(spec).some(({ spec: c }) => diskLimit(c) !== null) || spec.volumes.some((v) => volumeLimit(v) !== null)

/**
 * What is over its limit, for the tenant; null where nothing is. As the kubelet's eviction: a volume by its sizeLimit, a
 * container's writable layer by its limit, and all of the pod by the sum of the limits where every container has one.
 * Source: kubernetes pkg/kubelet/eviction, localStorageEviction.
 */
export function overLimit(spec: PodSpec, stats: Pick<StatsResult, 'containers' | 'volumes'>): string | null {
  const volumes = new Map((stats.volumes ?? []).map(({ name, usedBytes }) => [name, usedBytes]))
  const layers = new Map(stats.containers.map(({ container, layerBytes }) => [container, layerBytes ?? 0]))
  for (const volume of spec.volumes) {
    const [limit, used] = [volumeLimit(volume), volumes.get(volume.name) ?? 0]
    if (limit !== null && used > limit) return `Volume "${volume.name}" took ${formatBytes(used)} of disk, more than its sizeLimit of ${formatBytes(limit)}. Raise emptyDir.sizeLimit or write less, then re-create the pod.`
  }
  const containers = podContainers(spec).map(({ spec: c }) => ({ name: c.name, limit: diskLimit(c) }))
  for (const { name, limit } of containers) {
    const used = layers.get(name) ?? 0
    if (limit !== null && used > limit) return `Container "${name}" wrote ${formatBytes(used)} to disk, more than its limit of ${formatBytes(limit)}. Raise resources.limits.ephemeral-storage or write less, then re-create the pod.`
  }
  if (containers.some(({ limit }) => limit === null)) return null
  const limit = containers.reduce((sum, c) => sum + (c.limit ?? 0), 0)
  const onDisk = new Set(spec.volumes.filter((v) => v.emptyDir && v.emptyDir.medium !== 'Memory').map((v) => v.name))
  const used = [...layers.values()].reduce((sum, bytes) => sum + bytes, 0) + [...volumes].reduce((sum, [name, bytes]) => sum + (onDisk.has(name) ? bytes : 0), 0)
  return used > limit ? `The pod's containers and volumes took ${formatBytes(used)} of disk together, more than the ${formatBytes(limit)} that the containers' limits add up to. Raise resources.limits.ephemeral-storage or write less, then re-create the pod.` : null
}

/** Measures a running pod until the signal or until something is over its limit, which is told once. */
export async function watchUsage(spec: PodSpec, guest: Pick<Guest, 'stats'>, clock: Clock, signal: AbortSignal, evict: (message: string) => void): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => {})
    if (signal.aborted) return
    // A guest that gives no figures is looked at again: its disk is bounded in any case.
    const stats = await guest.stats(true).catch(() => null)
    const over = stats && overLimit(spec, stats)
    if (!over || signal.aborted) continue
    return evict(over)
  }
}
