import type { HelloInput } from '@/contracts/host/v1'
import { podDemand } from '@/domain/pod/size'
import type { PodSpec } from '@/domain/pod/spec'
import type { SchedulableHost } from '@/server/store/scheduling'
import { reserveVolumes, type HostStore, type VolumeDemand } from './volumes'

/** A host with what is free on it, as filters and scores see it. */
export type HostState = {
  id: string
  name: string
  ready: boolean
  unschedulable: boolean
  accelerator: HelloInput['accelerator'] | null
  cpus: number
  freeMemoryMiB: number
  totalMemoryMiB: number
  freeMilliCpu: number
  pods: number
  /** What it says of stores of volumes, by their uid. */
  stores?: ReadonlyMap<string, HostStore>
}
export type Demand = ReturnType<typeof podDemand> & { volumes?: VolumeDemand }

export function toHostState(host: SchedulableHost): HostState {
  const used = host.pods.map(podDemand)
  const capacity = host.hello?.capacity ?? { cpus: 0, memoryMiB: 0, diskMiB: 0 }
  return {
    id: host.id,
    name: host.name,
    ready: host.phase === 'Ready' && host.hello !== null,
    unschedulable: host.unschedulable,
    accelerator: host.hello?.accelerator ?? null,
    cpus: capacity.cpus,
    totalMemoryMiB: capacity.memoryMiB,
    freeMemoryMiB: capacity.memoryMiB - used.reduce((sum, d) => sum + d.memoryMiB, 0),
    freeMilliCpu: capacity.cpus * 1000 - used.reduce((sum, d) => sum + d.milliCpu, 0),
    pods: used.length,
  }
}

/** The host after the pod was placed on it: the next pod of the same cycle sees it so. */
export const reserve = (host: HostState, demand: Demand): HostState => ({ ...host, freeMemoryMiB: host.freeMemoryMiB - demand.memoryMiB, freeMilliCpu: host.freeMilliCpu - demand.milliCpu, pods: host.pods + 1, ...(host.stores && demand.volumes ? { stores: reserveVolumes(host.stores, demand.volumes) } : {}) })

export const demandOf = ({ spec, volumes }: { spec: PodSpec; volumes: VolumeDemand | null }): Demand => ({ ...podDemand(spec), ...(volumes ? { volumes } : {}) })
