import type { Duplex } from 'node:stream'
import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { StartContainerParams } from '@/contracts/guest/v1/requests'
import type { LedgerEntry } from '@/host/ledger/entry'
import { GuestRefusal, type ContainerInput, type DiskPort, type Guest, type ImagePort, type Machine, type MachinePort, type NetworkPort, type OutputSink, type PodIdentity, type ReadyImage, type VolumePort } from '../ports'
import { StartGate } from '../start-gate'
import { FakeClock } from './fake-clock'
import { FakeGuest, type Behaviour, type ExecBehaviour } from './fake-guest'
import { noDisks } from './fake-volumes'

/** A fake VM. */
export class FakeMachine implements Machine {
  readonly mode = 'template'
  readonly processId = 4321
  guest: FakeGuest
  die: (cause: string) => void = () => {}
  readonly exited = new Promise<string>((resolve) => (this.die = resolve))
  constructor(
    private readonly host: FakeHost,
    readonly record: { vm: string },
  ) {
    this.guest = new FakeGuest(host)
    void this.exited.then((cause) => this.guest.lose(cause))
  }
  async connect(): Promise<Guest> {
    await this.host.step('guest.connect')
    return this.guest
  }
  volumes: Machine['volumes'] = noDisks
  async plugImage(serial: string): Promise<void> {
    await this.host.step(`vm.plug ${serial}`)
  }
  async unplugImage(serial: string): Promise<void> {
    await this.host.step(`vm.unplug ${serial}`)
  }
  async stop(): Promise<void> {
    await this.host.step('vm.stop')
    this.host.machines.delete(this.record.vm)
    this.die('stopped')
  }
  /** What runs in the VM goes on; the next host agent finds it on a connection of its own. */
  leave(): void {
    const { running, images, isSetUp } = this.guest
    this.guest = new FakeGuest(this.host)
    Object.assign(this.guest, { images, isSetUp, containers: [...running.keys()].map((container, stream) => ({ container, stream, exited: null })) })
  }
}

/** All ports of a worker, with what exists on the "host", so that a test counts what is left. */
export class FakeHost {
  readonly clock = new FakeClock()
  readonly calls: string[] = []
  /** A step of this name fails so many times. */
  readonly failures = new Map<string, { times: number; error: Error }>()
  /** A step of this name waits for its promise. */
  readonly holds = new Map<string, Promise<void>>()
  readonly behaviour = new Map<string, Behaviour>()
  readonly machines = new Map<string, FakeMachine>()
  readonly attached = new Set<string>()
  readonly scratch = new Set<string>()
  readonly templates = new Set<string>()
  readonly ledger = new Map<string, LedgerEntry>()
  readonly started = new Map<string, Omit<StartContainerParams, 'stream'>>()
  exec: (args: string[], container: string) => ExecBehaviour = () => new GuestRefusal('NotFound', 'no exec here')
  readonly tunnels = new Map<number, () => Promise<Duplex>>()
  readonly inputs = new Map<string, ContainerInput>()
  /** By volume, path and content. */
  readonly files = new Map<string, Record<string, string>>()
  stats: StatsResult | null = null
  readonly logs = new Set<string>()
  /** The last lines of a container's log. */
  readonly lines = new Map<string, string[]>()
  readonly uids = new Set<number>()
  /** Whether a pod's VM was asked for with memory of its own. */
  readonly ownMemory = new Map<string, boolean>()
  maxInGate = 0

  async step(name: string): Promise<void> {
    this.calls.push(name)
    await this.holds.get(name)
    await Promise.resolve()
    const failure = this.failures.get(name)
    if (failure && failure.times > 0) {
      failure.times -= 1
      throw failure.error
    }
  }

  fail(name: string, times = 1, error: Error = new Error(`${name} failed`)): void {
    this.failures.set(name, { times, error })
  }

  /** What a pod has left behind. */
  get leftovers(): string[] {
    return [...this.machines.keys(), ...this.attached, ...this.scratch, ...this.templates, ...this.logs, ...[...this.ledger.keys()].map((uid) => `ledger ${uid}`), ...[...this.uids].map(String)]
  }

  get guest(): FakeGuest {
    const machine = [...this.machines.values()][0]
    if (!machine) throw new Error('no VM runs')
    return machine.guest
  }

  readonly images: ImagePort = {
    ensure: async (reference, { signal }) => {
      await this.step(`image ${reference}`)
      signal.throwIfAborted()
      return readyImage(reference)
    },
  }

  readonly network: NetworkPort = {
    attach: async (pod, signal) => {
      this.attached.add(`network ${pod.uid}`)
      await this.step('network.attach')
      signal.throwIfAborted()
      return { namespace: 'net', tap: 'tap0', mac: pod.network.mac, mtu: 1450, dns: pod.network.dns, hostDns: [], domain: null }
    },
    detach: async (pod) => {
      await this.step('network.detach')
      this.attached.delete(`network ${pod.uid}`)
    },
  }

  readonly machinePort: MachinePort = {
    prepareTemplate: async (pod) => {
      this.templates.add(`template ${pod.uid}`)
      await this.step('template')
    },
    releaseTemplate: async (pod) => {
      await this.step('template.release')
      this.templates.delete(`template ${pod.uid}`)
    },
    createScratch: async (pod) => {
      this.scratch.add(`scratch ${pod.uid}`)
      await this.step('disks')
      return '/scratch'
    },
    removeScratch: async (pod) => {
      await this.step('disks.remove')
      this.scratch.delete(`scratch ${pod.uid}`)
    },
    start: async ({ pod, ownMemory = false }) => {
      if (this.machines.has(`vm ${pod.uid}`)) throw new Error('two VMs of one pod')
      this.ownMemory.set(pod.uid, ownMemory)
      await this.step('vm.start')
      const machine = new FakeMachine(this, { vm: `vm ${pod.uid}` })
      this.machines.set(machine.record.vm, machine)
      return machine
    },
    adopt: async (pod: PodIdentity) => {
      await this.step('vm.adopt')
      return this.machines.get(`vm ${pod.uid}`) ?? null
    },
    remove: async (pod) => {
      await this.step('vm.remove')
      this.machines.get(`vm ${pod.uid}`)?.die('removed')
      this.machines.delete(`vm ${pod.uid}`)
    },
  }

  diskProblem: Awaited<ReturnType<DiskPort['problem']>> = null
  /** Missing: the host keeps none. */
  volumes: VolumePort | null = null
  private readonly gate = new StartGate(3)

  get ports() {
    return { disk: { problem: async () => this.diskProblem }, images: this.images, network: this.network, machines: this.machinePort, gate: this.gate, clock: this.clock, ...(this.volumes && { volumes: this.volumes }) }
  }

  readonly uidPool = {
    take: () => {
      const uid = 1000 + this.uids.size
      this.uids.add(uid)
      return uid
    },
    giveBack: (uid: number) => void this.uids.delete(uid),
  }

  readonly ledgerPort = {
    save: async (entry: LedgerEntry) => void this.ledger.set(entry.assignment.uid, structuredClone(entry)),
    remove: async (uid: string) => {
      await this.step('ledger.remove')
      this.ledger.delete(uid)
    },
  }

  podLogs(uid: string) {
    const sink: OutputSink = { write: () => Promise.resolve(), lost: () => {} }
    return {
      begin: async () => {
        this.logs.add(`logs ${uid}`)
        return sink
      },
      resume: async () => sink,
      end: async () => {},
      tail: async (container: string) => this.lines.get(container) ?? [],
      remove: async () => {
        await this.step('logs.remove')
        this.logs.delete(`logs ${uid}`)
      },
    }
  }
}

export const readyImage = (reference: string): ReadyImage => ({
  reference,
  digest: `sha256:${reference}`,
  sizeBytes: 1,
  file: `/images/${reference}`,
  config: { entrypoint: ['/entry'], command: ['cmd'], environment: [], workingDir: '', user: '', stopSignal: '' },
})
