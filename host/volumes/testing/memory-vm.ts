import type { AttachVolumeParams } from '@/contracts/guest/v1/volumes'
import type { PluggedVolume, VolumeDisk, VolumeFault } from '@/host/hypervisor/volume-disks'
import { noVolumes } from '@/host/pods/testing/fake-volumes'
import { FakeHost, FakeMachine } from '@/host/pods/testing/fake-host'
import type { GuestVolumes } from '@/host/pods/guest-volumes'
import type { MachineVolumes } from '@/host/pods/machine-volumes'
import type { Guest, Machine } from '@/host/pods/ports'

/** A VM whose disks are a list, and a guest that mounts whatever it is told to, unless a test says otherwise. */
export class MemoryVm {
  readonly calls: string[] = []
  /** Serials of images with whose files volumes were filled. */
  readonly filled: string[] = []
  /** Files of which it was made sure that it writes them no more. */
  readonly closed: string[] = []
  readonly disks = new Map<string, PluggedVolume>()
  /** A call of this name fails. */
  readonly failures = new Map<string, Error>()
  fault: (fault: VolumeFault) => void = () => {}
  /** Told of each disk before it is there. */
  plugging: (disk: VolumeDisk) => Promise<void> = async () => {}
  isStopped = false
  /** Why its guest could not write all out. */
  notWritten: string | undefined
  readonly machine: Machine
  readonly guest: Guest
  end: () => void = () => {}

  constructor() {
    const fake = new FakeMachine(new FakeHost(), { vm: 'memory' })
    const exited = new Promise<string>((resolve) => (this.end = () => resolve('it ended')))
    this.machine = { ...{ record: null, mode: 'cold', processId: 1, exited, volumes: this.volumes }, connect: () => fake.connect(), plugImage: (serial) => this.call('plug image', serial), unplugImage: (serial) => this.call('unplug image', serial), leave: () => {}, stop: () => Promise.resolve(this.end()) }
    this.guest = Object.assign(Object.create(fake.guest) as Guest, { volumes: this.guestVolumes })
  }

  private async call(name: string, about: string): Promise<void> {
    this.calls.push(`${name} ${about}`)
    const failure = this.failures.get(name)
    if (failure) throw failure
  }

  private readonly volumes: MachineVolumes = {
    plug: async (disk: VolumeDisk, confirmed = async () => {}) => {
      const { serial, sizeBytes, readOnly, layers = [] } = disk
      await this.call('plug', serial)
      await this.plugging(disk)
      await confirmed()
      this.disks.set(serial, { serial, sizeBytes, readOnly, layers: layers.map(({ id }) => id), device: true })
    },
    unplug: async (serial, written) => {
      this.closed.push(...written)
      await this.call('unplug', serial)
      this.disks.delete(serial)
    },
    grow: async (serial, sizeBytes) => {
      await this.call('grow', serial)
      const disk = this.disks.get(serial)
      if (disk) this.disks.set(serial, { ...disk, sizeBytes })
    },
    limit: (serial) => this.call('limit', serial),
    snapshot: async (steps) => {
      for (const { serial } of steps) await this.call('snapshot', serial)
      return { stallMs: 1 }
    },
    confirmFrozen: async (steps) => {
      for (const { serial, top } of steps) await this.call('confirm frozen', `${serial} ${top.path}`)
    },
    replaceBelow: ({ serial }) => this.call('replace below', serial),
    plugged: async () => [...this.disks.values()],
    onFault: (listener) => {
      this.fault = listener
      return () => (this.fault = () => {})
    },
    isStopped: async () => this.isStopped,
    counters: async () => new Map(),
    pause: () => this.call('pause', ''),
    resume: () => this.call('resume', ''),
  }

  private readonly guestVolumes: GuestVolumes = {
    ...noVolumes,
    attach: async ({ volume, fsType, mode, populate }: AttachVolumeParams) => {
      await this.call('attach', volume)
      if (populate) this.filled.push(populate.serial)
      return { device: '/dev/vdc', fsType: mode === 'block' ? null : fsType, formatted: false, checked: 'clean', fsBytes: 10, usedBytes: 5, milliseconds: 1 }
    },
    detach: async ({ volume, force }) => {
      await this.call(force ? 'detach by force' : 'detach', volume)
      return this.notWritten === undefined ? {} : { notWritten: this.notWritten }
    },
    grow: async (volume) => {
      await this.call('grow guest', volume)
      return 10
    },
    mount: ({ container, path }) => this.call('mount', `${container} ${path}`),
    addDevice: ({ container, path }) => this.call('add device', `${container} ${path}`),
  }
}
