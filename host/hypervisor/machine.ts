/** How the guest's instructions are carried out. `tbSizeMiB` bounds the translation buffer of software emulation. */
export type Accelerator = { kind: 'kvm'; cpu: string } | { kind: 'tcg'; cpu: string; tbSizeMiB: number }

/** The guest's kernel and initramfs: files that everybody may read (their folder need not be), and a version that changes with either. */
export type GuestKernel = { kernel: string; initramfs: string; version: string; arguments: readonly string[] }

/**
 * Why a VM has this boot: `template` is booted to be saved, `clone` continues a saved one and shares what memory it does not change with others, `copy` continues a saved one in memory of its
 * own (see own-memory.ts), `cold` boots for itself.
 */
export type BootMode = 'template' | 'clone' | 'copy' | 'cold'

/** Whether a VM goes on where a saved one stopped. */
export const continues = (boot: BootMode): boolean => boot === 'clone' || boot === 'copy'

/** All that QEMU's command line depends on. Everything else reaches QEMU as an open descriptor or lies in its folder. */
export type VmShape = {
  boot: BootMode
  /** A versioned machine type, for a saved state fits no other. */
  machine: string
  accelerator: Accelerator
  vcpus: number
  memoryMiB: number
  mac: string
  kernelArguments: readonly string[]
}

/**
 * Descriptors that QEMU is started with. It opens memory and kernel anew through /proc/self/fd, which asks for the
 * file's own mode and not for a way to it; disks stay as they were opened here.
 */
export const descriptors = { memory: 3, state: 4, image: 5, scratch: 6, kernel: 7, initramfs: 8, tap: 9 } as const

/** Sockets in the VM's folder, which is QEMU's working directory. `files` is a second monitor, over which QEMU is given open files (see give-files.ts). */
export const sockets = { qmp: 'qmp.sock', files: 'files.sock', agent: 'agent.sock', state: 'state.sock' } as const

/** The folder, in the VM's folder, of the disks that were plugged in. */
export const disksFolder = 'disks'

/** A NIC's address until its guest is told another: templates carry it. */
export const placeholderMac = '52:54:00:00:00:01'

/** A VM that could not be started or spoken to; the message says why in the words of QEMU or the kernel. */
export class VmError extends Error {
  override readonly name = 'VmError'
}
