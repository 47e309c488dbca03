import { volumeResults, type AttachVolumeParams, type AttachVolumeResult, type DetachVolumeParams, type FreezeVolumesParams, type MountVolumeParams, type UnmountVolumeParams } from '@/contracts/guest/v1/volumes'
import type { Requests } from '@/host/guest/requests'

/**
 * What a host asks a guest for volumes that have disks of their own, as contracts/guest/v1/volumes.ts says. Throws GuestRequestError, which of an agent
 * that knows no volumes is InvalidRequest about the method's name, and GuestConnectionError.
 */
export class VolumeRequests {
  constructor(
    private readonly requests: Requests,
    private readonly requestTimeoutMs: number,
  ) {}

  /** `timeoutMs`: a large file system that was not unmounted takes minutes to be checked. */
  attach(params: AttachVolumeParams, timeoutMs: number): Promise<AttachVolumeResult> {
    return this.requests.send('attachVolume', params, volumeResults.attachVolume, timeoutMs)
  }

  async detach(params: DetachVolumeParams): Promise<void> {
    await this.requests.send('detachVolume', params, volumeResults.detachVolume, params.timeoutMilliseconds + this.requestTimeoutMs)
  }

  /** Answers the size of the file system, in bytes. */
  async grow(volume: string, timeoutMs: number): Promise<number> {
    return (await this.requests.send('growVolume', { volume }, volumeResults.growVolume, timeoutMs)).fsBytes
  }

  /** Answers which of them are frozen: none of those for reading alone. */
  async freeze(params: FreezeVolumesParams): Promise<string[]> {
    return (await this.requests.send('freezeVolumes', params, volumeResults.freezeVolumes, params.timeoutMilliseconds + this.requestTimeoutMs)).frozen
  }

  async thaw(volumes: string[]): Promise<void> {
    await this.requests.send('thawVolumes', { volumes }, volumeResults.thawVolumes, this.requestTimeoutMs)
  }

  async mount(params: MountVolumeParams): Promise<void> {
    await this.requests.send('mountVolume', params, volumeResults.mountVolume, this.requestTimeoutMs)
  }

  async unmount(params: UnmountVolumeParams): Promise<void> {
    await this.requests.send('unmountVolume', params, volumeResults.unmountVolume, this.requestTimeoutMs)
  }
}
