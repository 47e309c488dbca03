import type { Demand, HostState } from './snapshot'
import { refuseVolumes } from './volumes'

/** Null when the host passes, else why it does not, as it is counted for the pod's condition. */
export type Filter = { name: string; check(host: HostState, demand: Demand): string | null }

const ready: Filter = { name: 'ready', check: (host) => (host.ready ? null : 'not ready') }
const schedulable: Filter = { name: 'schedulable', check: (host) => (host.unschedulable ? 'cordoned' : null) }
const accelerator: Filter = { name: 'accelerator', check: (host) => (host.accelerator ? null : 'no accelerator probed') }
/** The VM's memory with QEMU's own counts: memory is never promised twice. */
export const reasonsOfRoom = ['too little free memory', 'too few CPUs', 'too little free CPU'] as const
const memory: Filter = { name: 'memory', check: (host, demand) => (host.freeMemoryMiB >= demand.memoryMiB ? null : 'too little free memory') }
/** A VM has at most the host's CPUs; what containers request must be free. */
const cpu: Filter = {
  name: 'cpu',
  check: (host, demand) => (demand.vcpus > host.cpus ? 'too few CPUs' : host.freeMilliCpu >= demand.milliCpu ? null : 'too little free CPU'),
}

/** Where the pod's volumes lie, and whether those that are made with it have room. A pod without volumes passes everywhere. */
const volumes: Filter = { name: 'volumes', check: (host, { volumes: asked }) => (asked ? refuseVolumes(host, asked) : null) }

/** Room comes last: where a pod's volumes are not, a smaller one would fit no better. */
export const filters: readonly Filter[] = [ready, schedulable, accelerator, volumes, memory, cpu]
