import { volumeResults, type AddVolumeDeviceParams, type AttachVolumeParams, type AttachVolumeResult, type DetachVolumeParams, type DetachVolumeResult, type FreezeVolumesParams, type MountVolumeParams, type UnmountVolumeParams } from '@/contracts/guest/v1/volumes'
import type { Requests } from '@/host/guest/requests'

/**
 * What a host asks a guest for volumes that have disks of their own, as contracts/guest/v1/volumes.ts says. Throws GuestRequestError, which of an agent
 * that knows no volumes is InvalidRequest about the method's name, and GuestConnectionError.
 */
export class VolumeRequests {
  private readonly send: Requests['send']

  constructor(
    requests: Requests,
    private readonly requestTimeoutMs: number,
  ) {
    // Whoever works on a volume goes on without a guest that stands still: what it is to be taken away for may be that it does.
    this.send = (method, params, result, timeoutMs) => requests.send(method, params, result, timeoutMs, { isBounded: true })
  }

  /** `timeoutMs`: a large file system that was not unmounted takes minutes to be checked. */
  attach(params: AttachVolumeParams, timeoutMs: number): Promise<AttachVolumeResult> {
    return this.send('attachVolume', params, volumeResults.attachVolume, timeoutMs)
  }

  detach(params: DetachVolumeParams): Promise<DetachVolumeResult> {
    return this.send('detachVolume', params, volumeResults.detachVolume, params.timeoutMilliseconds + this.requestTimeoutMs)
  }

  /** Answers the size of the file system, in bytes. */
  async grow(volume: string, timeoutMs: number): Promise<number> {
    return (await this.send('growVolume', { volume }, volumeResults.growVolume, timeoutMs)).fsBytes
  }

  /** Answers which of them are frozen: none of those for reading alone. */
  async freeze(params: FreezeVolumesParams): Promise<string[]> {
    return (await this.send('freezeVolumes', params, volumeResults.freezeVolumes, params.timeoutMilliseconds + this.requestTimeoutMs)).frozen
  }

  async thaw(volumes: string[]): Promise<void> {
    await this.send('thawVolumes', { volumes }, volumeResults.thawVolumes, this.requestTimeoutMs)
  }

  async mount(params: MountVolumeParams): Promise<void> {
    await this.send('mountVolume', params, volumeResults.mountVolume, this.requestTimeoutMs)
  }

  async addDevice(params: AddVolumeDeviceParams): Promise<void> {
    await this.send('addVolumeDevice', params, volumeResults.addVolumeDevice, this.requestTimeoutMs)
  }

  async unmount(params: UnmountVolumeParams): Promise<void> {
    await this.send('unmountVolume', params, volumeResults.unmountVolume, this.requestTimeoutMs)
  }
}
