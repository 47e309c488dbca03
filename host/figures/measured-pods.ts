import { podSize } from '@/domain/pod/size'
import { podContainers } from '@/domain/pod/spec'
import type { PodSet } from '@/host/pods/pod-set'
import type { MeasuredPod } from './sampler'

/** More than any scratch disk that is not given a size. */
const mostDiskBytes = 2 ** 44

/** The pods of this host that are measured: their VM is up. */
export function measuredPods(pods: Pick<PodSet, 'running'>): MeasuredPod[] {
  return pods.running().map(([uid, worker]) => {
    const { vcpus, memoryMiB, scratchMiB } = podSize(worker.spec)
    const containers = podContainers(worker.spec).map(({ spec }) => spec.name)
    return { uid, bounds: { vcpus, memoryBytes: memoryMiB * 2 ** 20, diskBytes: scratchMiB === null ? mostDiskBytes : scratchMiB * 2 ** 20, containers }, stats: (usage) => worker.stats(usage) }
  })
}
