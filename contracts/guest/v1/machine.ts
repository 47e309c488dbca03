/** What the host's QEMU command line and the guest's init must agree on. */

/** The name of the virtio-serial port over which host and guest agent speak. */
export const agentPortName = 'hypernetes.agent'

/** The serial of the disk that carries a pod's writable layer and its emptyDir volumes (ext4). */
export const scratchSerial = 'scratch'

/** The serial of the nth image disk; number 0 stands in every template, later ones are plugged in. */
export function imageSerial(index: number): string {
  return `image${index}`
}

/**
 * The kernel command line of every VM. One tenant's pod has the whole VM, so mitigations between
 * processes of one guest are off; the host keeps its own. Huge pages only where asked for: a clone
 * copies every page it touches. Expedited RCU makes mounts and namespaces quick on one idle vCPU.
 * The root is a ramfs, for crun takes any file of a tmpfs for one that a container could overwrite.
 * The kernel must not use cmpxchg16b: QEMU 7.2's emulation leaves random flags behind it, which crashes
 * the guest within minutes (seen in its slab allocator). Programs in the guest still see the feature: its outcome is
 * right, and wrong are flags alone that a program reads whole before its next arithmetic, after a flags restore just
 * before (measured); images made for x86-64-v2 would refuse a processor without it.
 */
export const guestKernelArguments: readonly string[] = [
  'console=ttyS0',
  'quiet',
  'loglevel=3',
  'panic=-1',
  'reboot=t',
  'rdinit=/init',
  'rootfstype=ramfs',
  'mitigations=off',
  'transparent_hugepage=madvise',
  'rcupdate.rcu_expedited=1',
  'random.trust_cpu=on',
  'cgroup_no_v1=all',
  'clearcpuid=cx16',
  'cryptomgr.notests',
  'no_timer_check',
  '8250.nr_uarts=1',
  'i8042.noaux',
  'i8042.nomux',
  'i8042.nopnp',
]
