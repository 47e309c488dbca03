import { Serial } from '@/host/network/serial'
import type { GuestVolumes } from '@/host/pods/guest-volumes'
import type { Guest, Machine } from '@/host/pods/ports'

/** The running VM of a pod, as its volumes see it. */
export class PodVm {
  /** What changes the disks of a VM goes one after another: each counts what there is. So does what holds it still, for its QEMU closes nothing meanwhile. */
  readonly serial = new Serial()
  /** Its pod ends: nothing comes into it any more. */
  isEnding = false
  /** It stands still for a store that does not carry out what it asks for. */
  isStalled = false
  /** How many hold it still. */
  private holders = 0
  /** Which start of a container is the last, by its name: what came while it ran is mounted into each anew. */
  private readonly starts = new Map<string, number>()

  constructor(
    readonly podUid: string,
    private readonly machine: Machine,
    readonly guest: GuestVolumes,
    private readonly tellGuest: (isStill: boolean) => void,
  ) {}

  get disks(): Machine['volumes'] {
    return this.machine.volumes
  }

  /** Whether it stands still for a store; its guest's client waits for no answer meanwhile. */
  stalled(isStalled: boolean): void {
    this.isStalled = isStalled
    this.tellGuest(isStalled)
  }

  /** Somebody needs that nothing is written, and calls {@link release} in any case. */
  get isHeld(): boolean {
    return this.holders > 0
  }

  /** The VM stands still, whatever else would have it go on, until as many as have held it have released it. One that throws may stand still all the same. */
  async hold(): Promise<void> {
    this.holders += 1
    await this.disks.pause()
  }

  /** The last one who held it has it go on; it stands still again where a store still does not carry out what it asks for. */
  async release(): Promise<void> {
    this.holders -= 1
    if (!this.isHeld) await this.disks.resume()
  }

  /** Has a VM that stands still for a store go on: what waits is tried again. Not while it is held. */
  async goOn(): Promise<void> {
    if (!this.isHeld) await this.disks.resume()
  }

  /** The files of an image on a disk, beside the images of its containers; one of this serial that an earlier run of the agent has left makes way. */
  async plugImage(serial: string, file: string): Promise<void> {
    await this.machine.unplugImage(serial).catch(() => {})
    await this.machine.plugImage(serial, file)
  }

  unplugImage(serial: string): Promise<void> {
    return this.machine.unplugImage(serial)
  }

  containerStarted(container: string): void {
    this.starts.set(container, this.startOf(container) + 1)
  }

  startOf(container: string): number {
    return this.starts.get(container) ?? 0
  }

  /** A VM that does not give a disk back is ended: nothing less closes what it has open. Resolves when it is gone. */
  async end(): Promise<void> {
    await this.machine.stop()
    await this.machine.exited
  }
}

/** The VMs of this host's pods. */
export class PodVms {
  private readonly vms = new Map<string, PodVm>()
  /** Pods of an earlier run of the agent of whose VM nothing is known yet. */
  private readonly unknown: Set<string>

  /** `before`: pods of an earlier run, whose VMs may have volumes open. `changed` is told of a pod whose VM came or went. */
  constructor(
    before: Iterable<string>,
    private readonly changed: (podUid: string, came: PodVm | null) => void,
  ) {
    this.unknown = new Set(before)
  }

  /** Null: the pod has none, or it is not known of yet. */
  get(podUid: string): PodVm | null {
    return this.vms.get(podUid) ?? null
  }

  isUnknown(podUid: string): boolean {
    return this.unknown.has(podUid)
  }

  up(podUid: string, machine: Machine, guest: Pick<Guest, 'volumes' | 'standStill'>): PodVm {
    const vm = new PodVm(podUid, machine, guest.volumes, (isStill) => guest.standStill(isStill))
    this.vms.set(podUid, vm)
    this.unknown.delete(podUid)
    void machine.exited.then(() => {
      if (this.vms.get(podUid) === vm) this.ended(podUid)
    })
    this.changed(podUid, vm)
    return vm
  }

  /** No VM of the pod exists: nothing has anything open for it. */
  ended(podUid: string): void {
    const was = this.vms.delete(podUid)
    if (this.unknown.delete(podUid) || was) this.changed(podUid, null)
  }
}
