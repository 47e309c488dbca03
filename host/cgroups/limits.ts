import type { VmShape } from '@/host/hypervisor/machine'

/** What one VM's processes may take of the host at most, whatever they do. `cpus` is a hard bound; `weight` counts when processors are short. */
export type VmLimits = { memoryBytes: number; processes: number; cpus: number; weight: number }

const MiB = 2 ** 20

/** QEMU itself: its program and heap, request buffers of the disks, its sockets' buffers in the kernel. Measured 51 MiB with a translation buffer of 32. */
const baseMiB = 96
/** Page tables of QEMU and, under KVM, of the guest (1/512 each), and bitmaps of what was written. */
const tablesPart = 1 / 64
/** A vCPU's stack, its emulated state and the kernel's own. */
const vcpuMiB = 8
/** QEMU's table of translated addresses grows with what a vCPU touches: 64 bytes a page, up to 2.9 times as many, in three modes. Source: QEMU, accel/tcg/cputlb.c. */
const tlbPart = 1 / 7
const tlbMostMiB = 512
/** QEMU's pool of workers has at most 64 threads; beside it the main loop, RCU, migration. */
const threads = 128

/**
 * What a volume takes of its VM's memory on the host beside it: tables of its layers (4 MiB of the one that is written, 1 of each below: see
 * host/volumes/open-image.ts), and buffers of requests under way.
 */
export const volumeBytes = 24 * MiB
/** Of one in Ceph: the cache of its image (32 MiB at most), and what librbd is (13 MiB with one image, as measured). */
export const networkVolumeBytes = 64 * MiB
/** Each image in Ceph has a connection of its own to the cluster, with 15 to 20 threads; a VM has 20 volumes at most. */
const networkThreads = 384

/**
 * The limits of a VM of this shape. A clone is charged for its own copies of its template's pages, but also for pages that
 * the template never wrote and that the clone is the first to touch: `templateHoleBytes` of them at most. `storage`: it may open volumes in a store on the network.
 */
export function vmLimits({ accelerator, vcpus, memoryMiB }: Pick<VmShape, 'accelerator' | 'vcpus' | 'memoryMiB'>, templateHoleBytes: number, storage = false): VmLimits {
  const emulation = accelerator.kind === 'kvm' ? 0 : accelerator.tbSizeMiB + vcpus * Math.min(tlbMostMiB, memoryMiB * tlbPart)
  const overheadMiB = Math.ceil(baseMiB + memoryMiB * tablesPart + vcpus * vcpuMiB + emulation)
  return { memoryBytes: (memoryMiB + overheadMiB) * MiB + templateHoleBytes, processes: threads + (storage ? networkThreads : 0) + vcpus, cpus: vcpus + 1, weight: vcpus }
}
