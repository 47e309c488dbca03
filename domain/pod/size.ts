import { parseBytes, parseMilliCpu } from '../shared/quantity'
import type { ContainerSpec, PodSpec } from './spec'

/** Sizes of VMs in MiB: few enough that templates are shared, about 1.33 or 1.5 apart. */
const memorySizesMiB = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536, 98304, 131072, 262144, 524288, 1048576]

/** What kernel, agent and crun take inside the VM, before any container. Measured: about 50 MiB on the HyperKernel. */
export const guestOverheadMiB = 64
/** What QEMU takes on the host beside the guest's memory, its translation buffer included. Measured: 51 MiB beside a cold VM's 128, with a buffer of 32. */
export const hostOverheadMiB = 72
const defaultContainerMemory = 64 << 20
const defaultMilliCpu = 10

/**
 * What all containers of a pod take at their most: the containers with the sidecars run together, and before them each
 * init container runs beside the sidecars that stand above it. Source: KEP-753, "Resources calculation for scheduling".
 */
function atMost(spec: PodSpec, of: (container: ContainerSpec) => number): number {
  let sidecars = 0
  let most = 0
  for (const init of spec.initContainers) {
    if (init.restartPolicy === 'Always') sidecars += of(init)
    most = Math.max(most, init.restartPolicy === 'Always' ? sidecars : sidecars + of(init))
  }
  return Math.max(most, spec.containers.reduce((sum, c) => sum + of(c), sidecars))
}

/**
 * The VM of a pod: memory for the containers' limits (64 MiB for one without) and the guest's own needs, rounded up to
 * a size; vCPUs for the sum of the CPU limits, at least one. `scratchMiB` is the disk for writable layers and emptyDir
 * volumes where every container has a limit of ephemeral storage, rounded up to a power of two; null: the host's default.
 */
export function podSize(spec: PodSpec): { vcpus: number; memoryMiB: number; scratchMiB: number | null } {
  const memory = atMost(spec, (c) => parseBytes(c.resources.limits.memory ?? c.resources.requests.memory ?? '') ?? defaultContainerMemory)
  const shared = spec.volumes.reduce((sum, v) => sum + (v.emptyDir?.medium === 'Memory' ? (parseBytes(v.emptyDir.sizeLimit ?? '') ?? 0) : 0), 0)
  const needed = Math.ceil((memory + shared) / 2 ** 20) + guestOverheadMiB
  const cpu = atMost(spec, (c) => parseMilliCpu(c.resources.limits.cpu ?? '') ?? 0)
  return { vcpus: Math.max(1, Math.ceil(cpu / 1000)), memoryMiB: memorySizesMiB.find((size) => size >= needed) ?? needed, scratchMiB: scratchMiB(spec) }
}

/** Room for ext4's own structures beside what the limits allow. */
const scratchOverheadMiB = 64

function scratchMiB(spec: PodSpec): number | null {
  const limits = [...spec.initContainers, ...spec.containers].map((c) => parseBytes(c.resources.limits['ephemeral-storage'] ?? ''))
  if (limits.some((limit) => limit === null)) return null
  const bytes = limits.reduce<number>((sum, limit) => sum + (limit ?? 0), 0)
  return 2 ** Math.ceil(Math.log2(Math.ceil(bytes / 2 ** 20) + scratchOverheadMiB))
}

/** What a pod takes of a host: the VM with its overhead, and the CPU that its containers request (limits where no request is). */
export function podDemand(spec: PodSpec): { memoryMiB: number; milliCpu: number; vcpus: number } {
  const { memoryMiB, vcpus } = podSize(spec)
  const milliCpu = atMost(spec, (c) => parseMilliCpu(c.resources.requests.cpu ?? c.resources.limits.cpu ?? '') ?? defaultMilliCpu)
  return { memoryMiB: memoryMiB + hostOverheadMiB, milliCpu, vcpus }
}
