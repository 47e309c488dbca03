import type { VolumeDisks } from '@/host/hypervisor/volume-disks'

/** A running VM's disks of volumes. */
export type MachineVolumes = Pick<VolumeDisks, 'plug' | 'unplug' | 'grow' | 'limit' | 'snapshot' | 'confirmFrozen' | 'replaceBelow' | 'plugged' | 'onFault' | 'isStopped' | 'counters' | 'pause' | 'resume'>
