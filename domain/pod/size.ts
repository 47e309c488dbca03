import { parseBytes, parseMilliCpu } from '../shared/quantity'
import type { PodSpec } from './spec'

/** Sizes of VMs in MiB: few enough that templates are shared, about 1.33 or 1.5 apart. */
const memorySizesMiB = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536, 98304, 131072, 262144, 524288, 1048576]

/** What kernel, agent and crun take inside the VM, before any container. Measured: about 50 MiB on the HyperKernel. */
export const guestOverheadMiB = 64
/** What QEMU takes on the host beside the guest's memory, its translation buffer included. */
export const hostOverheadMiB = 96
const defaultContainerMemory = 64 << 20
const defaultMilliCpu = 10

/**
 * The VM of a pod: memory for the containers' limits (64 MiB for one without) and the guest's own needs, rounded up to
 * a size; vCPUs for the sum of the CPU limits, at least one.
 */
export function podSize(spec: PodSpec): { vcpus: number; memoryMiB: number } {
  const memory = spec.containers.reduce((sum, c) => sum + (parseBytes(c.resources.limits.memory ?? c.resources.requests.memory ?? '') ?? defaultContainerMemory), 0)
  const shared = spec.volumes.reduce((sum, v) => sum + (parseBytes(v.emptyDir.sizeLimit ?? '') ?? 0), 0)
  const needed = Math.ceil((memory + shared) / 2 ** 20) + guestOverheadMiB
  const cpu = spec.containers.reduce((sum, c) => sum + (parseMilliCpu(c.resources.limits.cpu ?? '') ?? 0), 0)
  return { vcpus: Math.max(1, Math.ceil(cpu / 1000)), memoryMiB: memorySizesMiB.find((size) => size >= needed) ?? needed }
}

/** What a pod takes of a host: the VM with its overhead, and the CPU that its containers request (limits where no request is). */
export function podDemand(spec: PodSpec): { memoryMiB: number; milliCpu: number; vcpus: number } {
  const { memoryMiB, vcpus } = podSize(spec)
  const milliCpu = spec.containers.reduce((sum, c) => sum + (parseMilliCpu(c.resources.requests.cpu ?? c.resources.limits.cpu ?? '') ?? defaultMilliCpu), 0)
  return { memoryMiB: memoryMiB + hostOverheadMiB, milliCpu, vcpus }
}
