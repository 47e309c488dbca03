import type { AddVolumeDeviceParams, AttachVolumeParams, AttachVolumeResult, DetachVolumeParams, DetachVolumeResult, FreezeVolumesParams, MountVolumeParams, UnmountVolumeParams } from '@/contracts/guest/v1/volumes'
import type { Container, Containers } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import type { Device } from '@/guest/oci'
import { after } from '@/guest/pause'
import { runScript } from '@/guest/processes'
import { attach, type FsGroup } from '@/guest/volumes/attach'
import { detach, takeNode } from '@/guest/volumes/detach'
import { addNode } from '@/guest/volumes/device-node'
import { growExt4, usageOf, type Usage } from '@/guest/volumes/ext4'
import { Freezer } from '@/guest/volumes/freeze'
import { mountInto, unmountFrom } from '@/guest/volumes/hot-mount'
import type { HotPlace } from '@/guest/volumes/hot-place'
import { deviceNumber } from '@/guest/volumes/mounts'
import { Orders } from '@/guest/volumes/orders'
import { isHalted, type AttachedVolume } from '@/guest/volumes/volume'
import { growXfs } from '@/guest/volumes/xfs'

/** The disks of this pod's volumes. What concerns one volume goes one after another; a large one that is checked holds up no other. */
export class Volumes {
  private readonly attached = new Map<string, AttachedVolume>()
  private readonly orders = new Orders()
  /** By container and path, as they were asked for. */
  private readonly hot = new Map<string, HotPlace>()
  private readonly freezer = new Freezer({ run: runScript, after })

  constructor(private readonly containers: Containers) {}

  /** A volume's file system. Throws where it is not attached: a container would write to the VM's memory instead. */
  mounted(name: string): AttachedVolume {
    const volume = this.get(name)
    if (volume.mode === 'block') throw new GuestError('InvalidRequest', 'a volume with volumeMode: Block has no file system of the VM', name)
    return volume
  }

  /** The node of a volume of mode block, for a container. */
  device(name: string, path: string, group: number): Device {
    const volume = this.get(name)
    const number = deviceNumber(volume.disk)
    if (volume.mode !== 'block' || !number) throw new GuestError('InvalidRequest', 'a volume with volumeMode: Filesystem is mounted, and is no device of a container', name)
    return { path, type: 'b', major: number.major, minor: number.minor, fileMode: volume.readOnly ? 0o440 : 0o660, gid: group }
  }

  private get(name: string): AttachedVolume {
    const volume = this.attached.get(name)
    if (!volume) throw new GuestError('Conflict', 'the volume is not attached', name)
    return volume
  }

  /** `path`: where its file system comes. `group`: whose it becomes. */
  attach(params: AttachVolumeParams, path: string, group: FsGroup | null): Promise<AttachVolumeResult> {
    return this.inOrder(params.volume, async () => {
      const before = this.attached.get(params.volume)
      if (before) return this.again(before, params)
      const { volume, result } = await attach(params, path, group)
      this.attached.set(volume.name, volume)
      return result
    })
  }

  private async again(volume: AttachedVolume, { serial, mode, readOnly, fsType }: AttachVolumeParams): Promise<AttachVolumeResult> {
    if (volume.serial !== serial || volume.mode !== mode || volume.readOnly !== readOnly) throw new GuestError('Conflict', `the volume is attached as ${volume.serial}, mode ${volume.mode}${volume.readOnly ? ', read-only' : ''}: detach it first`, volume.name)
    const usage = (await usages([volume])).get(volume.name) ?? { fsBytes: 0, usedBytes: 0 }
    return { device: volume.disk, fsType: mode === 'block' ? null : fsType, formatted: false, checked: null, ...usage, milliseconds: 0 }
  }

  /** Nothing where it is not attached. */
  detach({ volume: name, force, timeoutMilliseconds }: DetachVolumeParams): Promise<DetachVolumeResult> {
    return this.inOrder(name, async () => {
      const volume = this.attached.get(name)
      if (!volume) return {}
      await this.freezer.thaw([name])
      await detach(volume, () => this.containers.list(), () => this.nodesOf(volume), force, timeoutMilliseconds)
      this.attached.delete(name)
      for (const [key, place] of this.hot) if (place.volume === volume) this.hot.delete(key)
      return volume.notWritten === undefined ? {} : { notWritten: volume.notWritten.slice(0, 512) }
    })
  }

  grow(name: string): Promise<{ fsBytes: number }> {
    return this.inOrder(name, async () => {
      const volume = this.mounted(name)
      if (volume.readOnly) throw new GuestError('Conflict', 'the volume is attached for reading alone: its file system grows when it is attached for writing', name)
      if (this.freezer.isFrozen(name)) throw new GuestError('Conflict', 'the volume is frozen: try again once it is thawed', name)
      const { fsBytes } = await (volume.fsType === 'xfs' ? growXfs(volume) : growExt4(volume))
      return { fsBytes }
    })
  }

  async freeze({ volumes, timeoutMilliseconds }: FreezeVolumesParams): Promise<{ frozen: string[] }> {
    return { frozen: await this.freezer.freeze([...new Set(volumes)].map((name) => this.mounted(name)), timeoutMilliseconds) }
  }

  thaw(names: readonly string[]): Promise<void> {
    return this.freezer.thaw(names)
  }

  /** The host that froze them is gone, and nobody else would thaw them. */
  thawAll(): void {
    this.freezer.thawAll()
  }

  /** Again for what is mounted there does nothing. */
  mount(params: MountVolumeParams): Promise<void> {
    return this.bring(params, (container) => mountInto(container, this.mounted(params.volume), params))
  }

  /** The same of a volume of mode block, whose node comes there. `group`: whose it is. */
  addDevice(params: AddVolumeDeviceParams, group: number): Promise<void> {
    return this.bring(params, (container) => addNode(container, this.get(params.volume), this.device(params.volume, params.path, group)))
  }

  private bring({ volume: name, container: of, path }: AddVolumeDeviceParams, come: (container: Container) => Promise<HotPlace>): Promise<void> {
    return this.inOrder(name, async () => {
      const volume = this.get(name)
      const container = this.containers.get(of)
      const key = hotKey({ container: of, path })
      const before = this.hot.get(key)
      if (before?.pid === container.process.pid && before.volume === volume) return
      if (before?.pid === container.process.pid) throw new GuestError('AlreadyExists', `the volume ${before.volume.name} is there`, path)
      this.hot.set(key, await come(container))
    })
  }

  /** Of either mode. Of a device: whoever has it open through another node is in the way, too. */
  async unmount({ container, path, force }: UnmountVolumeParams): Promise<void> {
    const place = this.hot.get(hotKey({ container, path }))
    if (!place) return
    await this.inOrder(place.volume.name, async () => {
      if (place.pid === this.containers.get(container).process.pid) await (place.node ? takeNode(place, force) : unmountFrom(place, force))
      this.hot.delete(hotKey({ container, path }))
    })
  }

  /** Those by which containers have it that run still: another process may have the number of one that has ended. */
  private nodesOf(volume: AttachedVolume): HotPlace[] {
    const running = new Set(this.containers.list().flatMap(({ exited, process }) => (exited ? [] : [process.pid])))
    return [...this.hot.values()].filter((place) => place.node && place.volume === volume && running.has(place.pid))
  }

  /** How full the file systems are, and whether they are written to still. */
  async usage(): Promise<(Usage & { name: string; halted: boolean })[]> {
    const volumes = [...this.attached.values()]
    const halted = new Set(volumes.filter(isHalted).map(({ name }) => name))
    return [...(await usages(volumes))].map(([name, usage]) => ({ name, ...usage, halted: halted.has(name) }))
  }

  /** Before the VM is switched off: a file system that is unmounted needs no journal when it is mounted next. */
  async close(): Promise<void> {
    await this.freezer.thaw([...this.attached.keys()])
    const paths = [...this.attached.values()].flatMap(({ mode, path }) => (mode === 'filesystem' ? [path] : []))
    if (paths.length > 0) await runScript('umount "$@"', paths)
  }

  private inOrder<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.orders.do([name], action)
  }
}

function hotKey({ container, path }: { container: string; path: string }): string {
  return `${container}:${path}`
}

async function usages(volumes: readonly AttachedVolume[]): Promise<Map<string, Usage>> {
  const mounted = volumes.filter(({ mode }) => mode === 'filesystem')
  if (mounted.length === 0) return new Map()
  const { output } = await runScript('for folder in "$@"; do stat -f -c "%S %b %f" "$folder" || echo; done', mounted.map(({ path }) => path))
  const rows = output.split('\n')
  return new Map(mounted.map(({ name }, index) => [name, usageOf((rows[index] ?? '').split(' '))]))
}
