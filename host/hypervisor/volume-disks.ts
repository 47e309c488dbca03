import { z } from 'zod'
import type { VolumeRates } from '@/contracts/host/v1/volumes'
import { networkVolumeBytes, volumeBytes } from '@/host/cgroups/limits'
import { setMemoryLimit } from '@/host/cgroups/memory-limit'
import { allDone } from '@/host/network/serial'
import { cephNode, controllerId, diskId, layerNode, layersGraph, limitsGroup, limitsOf, overlayGraph, secretId, serialOfNode, throttleGroup, throttleNode, volumeDevices, type Access, type OnFull } from '@/host/volumes/open-image'
import { VolumeError, type Layer } from '@/host/volumes/store'
import { blockGraph, chainBelow } from './block-graph'
import { diskCounters, type DiskCounters } from './disk-counters'
import { noWayToStorage, openCephImage, type CephImage } from './ceph-image'
import { allowFileSize, fileBytesOf } from './file-size-limit'
import { giveFiles } from './give-files'
import { VmError } from './machine'
import { openForWriting } from './open-for-writing'
import { openReplay } from './open-replay'
import { QmpRefusal, type QmpClient, type QmpEvent } from './qmp'
import { removeReplayFile, replayFile } from './replay-file'
import { longestChain, replaceLayers, storedId, type Replacement } from './replace-layers'
import type { VmRecord } from './vm-record'
import { filesOf, givenLayers, labelOf, takeFiles } from './volume-files'

/**
 * A volume's disk for a running VM. `serial`: see serialOf in host/volumes/open-image.ts. It is of layers, the newest first, or of an image of Ceph. `replays`: of one that is read alone, its guest may write to a file that is
 * thrown away, so that a journal can be replayed, for as long as there is room for that file: see {@link openReplay}.
 */
export type VolumeDisk = { serial: string; sizeBytes: number; readOnly: boolean; rates: VolumeRates; onFull: OnFull; replays?: boolean } & ((Access & { layers: readonly Layer[]; ceph?: undefined }) | { ceph: CephImage; layers?: undefined; direct?: undefined })

/** A snapshot of one disk: `overlay`, empty, comes over `top`, which nobody writes any more. */
export type OverlayStep = { serial: string; top: Layer; overlay: Layer; direct: boolean }

/** What QEMU has of a volume, as it says. `layers`: ids, the newest first, none of an image of Ceph; `device`: whether the guest is shown it. */
export type PluggedVolume = { serial: string; sizeBytes: number; readOnly: boolean; layers: string[]; device: boolean }

/** A read or write that the store did not carry out. `paused`: the whole VM stands still until `resume`, and the request waits. */
export type VolumeFault = { serial: string; operation: 'read' | 'write'; noSpace: boolean; paused: boolean; reason: string }

const serialPattern = /^v[0-9a-f]{19}$/
/** As far as a store's chain may be long. */
const maxLayers = 32

/**
 * What waits for all requests of a disk, and with it for its store, may take long: nothing else of the monitor is answered meanwhile. A client that does not wait for
 * its answer gives up the monitor, and with it the VM.
 */
const draining = { timeoutMs: 120_000 }

const nodes = z.array(z.looseObject({ 'node-name': z.string(), drv: z.string(), ro: z.boolean(), image: z.looseObject({ 'virtual-size': z.number().int().min(0) }) }))
const properties = z.array(z.looseObject({ name: z.string() }))
const fault = z.looseObject({ 'node-name': z.string(), operation: z.enum(['read', 'write']), action: z.enum(['ignore', 'report', 'stop']), nospace: z.boolean().default(false), reason: z.string().max(1000) })

/**
 * The volumes of one VM, as disks that are plugged in while it runs. Nothing is remembered here: what is asked for is done, and what there is QEMU says, so that an agent
 * that was started again goes on with it. Calls for one volume come one after another. All throw VmError, and a store's VolumeError as it is.
 */
export class VolumeDisks {
  constructor(
    private readonly qmp: QmpClient,
    private readonly vm: Pick<VmRecord, 'runDir' | 'uid' | 'process' | 'scratch' | 'cgroups' | 'memoryBytes' | 'storage'>,
  ) {}

  /**
   * Plugs a volume's disk in; the guest sees it soon after. When it fails nothing of it stays. `confirmed` is asked once QEMU has the image open and, of one that is
   * written, its lock, and before the guest may write: the store's `confirmOpen`. `there`: what {@link plugged} said, of a caller that asked just now and has changed nothing since.
   */
  async plug(disk: VolumeDisk, confirmed: () => Promise<unknown> = async () => {}, there?: readonly PluggedVolume[]): Promise<void> {
    const { serial, onFull } = disk
    if (!serialPattern.test(serial)) throw new VmError(`"${serial}" is no serial of a volume`)
    // What is there of it must not be taken away by the undo of this.
    const before = there ?? (await this.plugged())
    if (before.some((each) => each.serial === serial)) throw new VmError(`volume ${serial} is plugged in already`)
    if (disk.layers && (disk.layers.length === 0 || disk.layers.length > maxLayers)) throw new VmError(`a volume of ${disk.layers.length} layers cannot be opened`)
    if (disk.ceph && !this.vm.storage) throw noWayToStorage()
    try {
      const memory = this.allowMemory([...before, { layers: disk.layers ?? [] }])
      await (disk.layers ? this.openLayers(disk, memory) : memory.then(() => this.openCeph(disk)))
      const replays = disk.replays === true && (await openReplay(this.qmp, this.vm, serial, (await this.node(serial)).image['virtual-size'], draining.timeoutMs))
      await confirmed()
      for (const device of volumeDevices(serial, onFull, replays)) await this.qmp.command('device_add', device)
    } catch (error) {
      await this.unplug(serial, [], 1000).catch(() => {})
      await this.allowMemory(before).catch(() => {})
      throw asVmError(error)
    }
  }

  /** `memory`: what it takes is allowed for. */
  private async openLayers(disk: VolumeDisk & { layers: readonly Layer[] }, memory: Promise<void>): Promise<void> {
    const { serial, readOnly, sizeBytes, rates, layers } = disk
    const given = giveFiles(this.vm.runDir, layers.map((layer) => filesOf(serial, layer, readOnly)))
    await allDone([memory, given, readOnly ? null : allowFileSize(this.vm, fileBytesOf(sizeBytes)), this.qmp.command('object-add', limitsGroup(serial, rates))])
    const sets = await given
    await this.qmp.command('blockdev-add', layersGraph(serial, layers.map((layer, i) => ({ layer, set: sets[i] ?? -1 })), disk), draining)
  }

  private async openCeph(disk: VolumeDisk & { ceph: CephImage }): Promise<void> {
    const { serial, readOnly, rates, ceph: image } = disk
    await this.qmp.command('object-add', limitsGroup(serial, rates))
    await openCephImage(this.qmp, this.vm.runDir, serial, image, disk, draining.timeoutMs)
    // To the size that it has: nothing changes, but nobody does it without the image's lock, by whose owner a later one finds whom he has to shut out.
    if (!readOnly) await this.qmp.command('block_resize', { 'node-name': throttleNode(serial), size: (await this.node(serial)).image['virtual-size'] }, draining)
  }

  /**
   * Asks the guest to give the disk back and closes its image. `written`: the files that must not be open for writing afterwards; where one is, a VM that was broken into
   * keeps it, and has to be ended before anybody else may open the volume.
   */
  async unplug(serial: string, written: readonly string[], timeoutMs = 10_000): Promise<void> {
    await this.remove(serial, timeoutMs)
    await this.mustNotWrite([...written, replayFile(this.vm.runDir, serial)])
    await removeReplayFile(this.vm.runDir, serial)
    // Version 1 of the kernel's groups refuses less than what is in use: then it stays.
    await this.allowMemory(await this.plugged()).catch(() => {})
  }

  /** Makes the disk larger: the guest is told at once, and writes go on. It never shrinks. */
  async grow(serial: string, sizeBytes: number): Promise<void> {
    const before = await this.node(serial)
    if (before.image['virtual-size'] > sizeBytes) throw new VmError(`a volume of ${before.image['virtual-size']} bytes does not shrink to ${sizeBytes}: a file system would lose what is beyond`)
    if (!(await this.nodes()).some((node) => node['node-name'] === cephNode(serial))) await allowFileSize(this.vm, fileBytesOf(sizeBytes))
    await this.qmp.command('block_resize', { 'node-name': throttleNode(serial), size: sizeBytes }, draining)
  }

  /** Changes how much a second the disk may do, at once: only what waits already does so for as long as the bound before told it to. */
  limit(serial: string, rates: VolumeRates): Promise<void> {
    return this.qmp.command('qom-set', { path: `/objects/${throttleGroup(serial)}`, property: 'limits', value: limitsOf(rates) })
  }

  /**
   * Freezes what is on top of these disks and goes on in an overlay each, all at one instant; when it fails all of them go on as before. Tells for how long it took QEMU,
   * in which their writes waited. A top that QEMU has open for writing afterwards is an error: a snapshot never changes.
   * `isPaused`: the VM stands still by {@link pause}, in which QEMU closes nothing that it is told to: {@link confirmFrozen} is to be asked after {@link resume}.
   */
  async snapshot(steps: readonly OverlayStep[], isPaused = false): Promise<{ stallMs: number }> {
    try {
      const sets = await giveFiles(this.vm.runDir, steps.map(({ serial, overlay }) => filesOf(serial, overlay, false)))
      for (const [i, { serial, overlay, direct }] of steps.entries()) {
        await this.qmp.command('blockdev-add', overlayGraph(serial, { layer: overlay, set: sets[i] ?? -1 }, { readOnly: false, direct }), draining)
      }
      const began = performance.now()
      const actions = steps.map(({ serial, top, overlay }) => ({ type: 'blockdev-snapshot', data: { node: layerNode(serial, top.id), overlay: layerNode(serial, overlay.id) } }))
      await this.qmp.command('transaction', { actions }, draining)
      const stallMs = performance.now() - began
      if (!isPaused) await this.confirmFrozen(steps)
      return { stallMs }
    } catch (error) {
      // Those that came into use are refused; what an agent that died has left is in the way of each later try.
      for (const { serial, overlay } of steps) await this.qmp.command('blockdev-del', { 'node-name': layerNode(serial, overlay.id) }).catch(() => {})
      await this.takeUnused(steps).catch(() => {})
      throw asVmError(error)
    }
  }

  /** What was on top is closed for writing; throws where QEMU keeps it open. */
  async confirmFrozen(steps: readonly OverlayStep[]): Promise<void> {
    await takeFiles(this.qmp, steps.map(({ serial, top }) => labelOf(serial, top, 'rw')))
    await this.mustNotWrite(steps.map(({ top }) => top.path))
  }

  /** What QEMU has, whoever asked for it. */
  async plugged(): Promise<PluggedVolume[]> {
    const [all, graph, given, devices] = await Promise.all([this.nodes(), blockGraph(this.qmp), givenLayers(this.qmp), this.childrenOf('/machine/peripheral')])
    return all.filter(({ 'node-name': name }) => serialPattern.test(name)).map(({ 'node-name': serial, image, ro }) => {
      const ids = new Map(given.flatMap((one) => (one.serial === serial ? [[layerNode(serial, one.id), storedId(one.id)] as const] : [])))
      return { serial, sizeBytes: image['virtual-size'], readOnly: ro, layers: chainBelow(graph, serial, longestChain).flatMap((node) => ids.get(node) ?? []), device: devices.includes(diskId(serial)) }
    })
  }

  /** Has a volume go on over other files that show the same, as its store has them since layers of it were merged. Writes wait for a moment. */
  async replaceBelow(replacement: Replacement): Promise<void> {
    await replaceLayers(this.qmp, this.vm.runDir, replacement, draining.timeoutMs).catch((error: unknown) => {
      throw asVmError(error)
    })
  }

  /** Listens to reads and writes that a store did not carry out, until the returned function is called. */
  onFault(listener: (fault: VolumeFault) => void): () => void {
    const onEvent = ({ event, data }: QmpEvent) => {
      const parsed = event === 'BLOCK_IO_ERROR' ? fault.safeParse(data) : undefined
      if (!parsed?.success) return
      const { 'node-name': node, operation, nospace, action, reason } = parsed.data
      const serial = serialOfNode(node)
      // What is not written over a disk that is read is told its guest alone.
      if (!serialPattern.test(serial) || (node !== serial && operation === 'write')) return
      listener({ serial, operation, noSpace: nospace, paused: action === 'stop', reason })
    }
    this.qmp.on('event', onEvent)
    return () => void this.qmp.off('event', onEvent)
  }

  /** The whole VM stands still, and with it all that writes to its disks, until {@link resume}. */
  pause(): Promise<void> {
    return this.qmp.command('stop', {}, draining)
  }

  /** Whether the VM stands still: for a read or write that a store did not carry out, or for a snapshot of several volumes, in which the agent that took it died. */
  async isStopped(): Promise<boolean> {
    const { status } = await this.qmp.execute('query-status', {}, z.looseObject({ status: z.string() }))
    return status === 'io-error' || status === 'paused'
  }

  /** What each disk has done since it was plugged in, by its serial. An answer may take as long as the store does. */
  counters(): Promise<ReadonlyMap<string, DiskCounters>> {
    return diskCounters(this.qmp, draining.timeoutMs)
  }

  /** Lets a VM that was paused, also by a fault, go on: what waits is tried again. */
  resume(): Promise<void> {
    return this.qmp.command('cont', {}, draining)
  }

  /** Takes all of a volume away from QEMU, whatever there is of it. */
  private async remove(serial: string, timeoutMs: number): Promise<void> {
    const devices = await this.childrenOf('/machine/peripheral')
    const device = [controllerId(serial), diskId(serial)].find((id) => devices.includes(id))
    if (device) await this.removeDevice(device, timeoutMs)
    await this.removeNodes(serial)
    const objects = await this.childrenOf('/objects')
    for (const id of [throttleGroup(serial), secretId(serial)]) if (objects.includes(id)) await this.qmp.command('object-del', { id })
    await takeFiles(this.qmp, [`${serial}/`])
  }

  private async removeDevice(id: string, timeoutMs: number): Promise<void> {
    const gone = this.qmp.nextEvent((event) => event.event === 'DEVICE_DELETED' && event.data?.device === id, `the guest's giving ${id} back`, timeoutMs)
    gone.catch(() => {})
    // One that the guest was asked for before, and gives back late, is refused to be asked for again.
    const refusal = await this.qmp.command('device_del', { id }).catch((error: unknown) => {
      if (error instanceof QmpRefusal) return error
      throw error
    })
    await gone.catch(async (error: unknown) => {
      if ((await this.childrenOf('/machine/peripheral')).includes(id)) throw refusal ?? error
    })
  }

  /** From above: a node is kept by what uses it, and what came with another goes with that. */
  private async removeNodes(serial: string): Promise<void> {
    for (;;) {
      const left = (await this.nodes()).map((node) => node['node-name']).filter((name) => name === throttleNode(serial) || name.startsWith(`${serial}-`))
      if (left.length === 0) return
      let refusal: QmpRefusal | undefined
      let progress = false
      for (const name of left.sort()) {
        try {
          await this.qmp.command('blockdev-del', { 'node-name': name }, draining)
          progress = true
          break
        } catch (error) {
          if (!(error instanceof QmpRefusal)) throw error
          refusal = error
        }
      }
      if (!progress) throw refusal ?? new VmError(`volume ${serial} is still in use in QEMU`)
    }
  }

  /** Of overlays that did not come into use. */
  private async takeUnused(steps: readonly OverlayStep[]): Promise<void> {
    const used = new Set((await this.nodes()).map((node) => node['node-name']))
    await takeFiles(this.qmp, steps.filter(({ serial, overlay }) => !used.has(layerNode(serial, overlay.id))).map(({ serial, overlay }) => `${serial}/${overlay.id}/`))
  }

  private async allowMemory(volumes: readonly { layers: readonly unknown[] }[]): Promise<void> {
    const bytes = volumes.reduce((sum, { layers }) => sum + (layers.length === 0 ? networkVolumeBytes : volumeBytes), 0)
    if (this.vm.memoryBytes !== null) await setMemoryLimit(this.vm.cgroups, this.vm.memoryBytes + bytes)
  }

  /** The uppermost node of a volume. */
  private async node(serial: string) {
    const node = (await this.nodes()).find((each) => each['node-name'] === throttleNode(serial))
    if (!node) throw new VmError(`the VM has no volume ${serial}`)
    return node
  }

  private async mustNotWrite(files: readonly string[]): Promise<void> {
    const open = await openForWriting(this.vm.process.pid, files)
    if (open.length > 0) throw new StillWritten(`QEMU keeps ${open.length} of a volume's files open for writing that it was to close: end this VM before anybody else opens the volume`)
  }

  private nodes() {
    return this.qmp.execute('query-named-block-nodes', { flat: true }, nodes)
  }

  private async childrenOf(path: string): Promise<string[]> {
    return (await this.qmp.execute('qom-list', { path }, properties)).map(({ name }) => name)
  }
}

/** QEMU did what it was told, by its own word, and can still write: it is no QEMU of ours any more. */
export class StillWritten extends VmError {}

/** What the store said stays as it is. */
const asVmError = (error: unknown): unknown => (error instanceof VmError || error instanceof VolumeError ? error : new VmError(`the volume could not be given to the VM: ${error instanceof Error ? error.message : String(error)}`, { cause: error }))
