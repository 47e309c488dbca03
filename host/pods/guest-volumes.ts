import type { AddVolumeDeviceParams, AttachVolumeParams, AttachVolumeResult, DetachVolumeParams, DetachVolumeResult, FreezeVolumesParams, MountVolumeParams, UnmountVolumeParams } from '@/contracts/guest/v1/volumes'

/**
 * What a pod's guest does with volumes that have disks of their own, as contracts/guest/v1/volumes.ts says. A call throws a GuestRefusal for what the agent
 * refused, of one that is older than volumes `InvalidRequest` about the method's name: the pod has to be started anew.
 */
export interface GuestVolumes {
  /** Mounts a volume whose disk was plugged. A large file system that was not unmounted is checked for minutes. */
  attach(params: AttachVolumeParams, timeoutMs: number): Promise<AttachVolumeResult>
  detach(params: DetachVolumeParams): Promise<DetachVolumeResult>
  /** The file system follows its disk; answers its size in bytes. */
  grow(volume: string, timeoutMs: number): Promise<number>
  /** Answers which are frozen: none of those for reading alone. */
  freeze(params: FreezeVolumesParams): Promise<string[]>
  thaw(volumes: string[]): Promise<void>
  /** Into a container that runs. */
  mount(params: MountVolumeParams): Promise<void>
  /** Of mode block: its node, into a container that runs. */
  addDevice(params: AddVolumeDeviceParams): Promise<void>
  unmount(params: UnmountVolumeParams): Promise<void>
}
