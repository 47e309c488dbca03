import type { Cgroups } from '@/host/cgroups/port'
import type { Accelerator, GuestKernel } from './machine'
import type { Qemu } from './qemu'

/** Waits until the agent behind this socket has said hello, and closes its connection again. */
export type WaitForHello = (socketPath: string, signal: AbortSignal) => Promise<void>

/** What all VMs of a host share. */
export type HypervisorSettings = {
  qemu: Qemu
  guest: GuestKernel
  accelerator: Accelerator
  /** Size of the scratch disk of a pod that asks for none. */
  scratchBytes: number
  /** The largest image that a pod may have: the guest keeps the size that the template's placeholder had. */
  maxImageBytes: number
  /** The user that templates and probes run as; no pod's. */
  serviceUid: number
  /** A node for /dev/kvm that VMs' users may open; null without KVM. */
  kvmNode: string | null
  /** What bounds each VM's memory, processes and processors. */
  cgroups: Cgroups
  waitForHello: WaitForHello
}

export const defaultScratchBytes = 10 * 2 ** 30
/** The largest scratch disk: the guest keeps the size that the template's placeholder had, and a file system on it may be smaller. */
export const maxScratchBytes = 2 ** 40
export const defaultMaxImageBytes = 64 * 2 ** 30
/** Of the translation buffer of software emulation: more is quicker in long runs, and private memory of each VM. */
export const defaultTbSizeMiB = 32

/** VMs that do not run under KVM are not shown it. */
export const kvmNodeOf = ({ accelerator, kvmNode }: HypervisorSettings): string | null => (accelerator.kind === 'kvm' ? kvmNode : null)
