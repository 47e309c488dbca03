import type { StatsResult } from '@/contracts/guest/v1/answers'
import { podSize } from '@/domain/pod/size'
import { podContainers } from '@/domain/pod/spec'
import type { PodWorker } from '@/host/pods/pod-worker'
import type { MeasuredPod } from './sampler'

/** More than any scratch disk that is not given a size. */
const mostDiskBytes = 2 ** 44

type DiskUsage = NonNullable<StatsResult['disks']>[number]
type RunningPods = { running(): [uid: string, worker: Pick<PodWorker, 'spec' | 'stats' | 'report'>][] }

/** The pods of this host that are measured: a process runs in their VM. While a pod starts it is left alone. `onDisks` hears what its guest says of volumes' file systems meanwhile. */
export function measuredPods(pods: RunningPods, onDisks: (podUid: string, disks: DiskUsage[]) => void = () => {}): MeasuredPod[] {
  const started = pods.running().filter(([, worker]) => worker.report().startedAt !== null)
  return started.map(([uid, worker]) => {
    const { vcpus, memoryMiB, scratchMiB } = podSize(worker.spec)
    const containers = podContainers(worker.spec).map(({ spec }) => spec.name)
    return { uid, bounds: { vcpus, memoryBytes: memoryMiB * 2 ** 20, diskBytes: scratchMiB === null ? mostDiskBytes : scratchMiB * 2 ** 20, containers }, stats: (usage) => worker.stats(usage).then((answer) => (onDisks(uid, answer.stats.disks ?? []), answer)) }
  })
}
