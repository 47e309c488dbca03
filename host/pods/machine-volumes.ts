import type { VolumeDisks } from '@/host/hypervisor/volume-disks'

/** A running VM's disks of volumes. */
export type MachineVolumes = Pick<VolumeDisks, 'plug' | 'unplug' | 'grow' | 'limit' | 'snapshot' | 'replaceBelow' | 'plugged' | 'onFault' | 'isStopped' | 'pause' | 'resume'>
