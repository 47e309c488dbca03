import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { GuestClient } from '@/host/guest/client'
import { adoptVm, removeVm } from '@/host/hypervisor/adopt-vm'
import type { HypervisorSettings } from '@/host/hypervisor/hypervisor-settings'
import type { RunningVm } from '@/host/hypervisor/running-vm'
import type { ScratchDisks } from '@/host/hypervisor/scratch'
import { groupName, prepareFolder } from '@/host/hypervisor/start-qemu'
import { startVm } from '@/host/hypervisor/start-vm'
import type { TemplateLease, TemplateStore } from '@/host/hypervisor/templates/template-store'
import { VmRecord } from '@/host/hypervisor/vm-record'
import { NoStoreOnNetwork } from '@/host/network/storage-namespace'
import type { Logger } from '@/platform/logger'
import type { MachineVolumes } from '../machine-volumes'
import { StepError, type Machine, type MachinePort, type PodIdentity } from '../ports'
import { ConnectedGuest } from './guest'

const helloWithinMs = 90_000
/** A template that was looked at longer ago than this, for its pod waited for its turn, is looked at again before a VM starts from it. */
const freshMs = 1_000

export type MachineParts = {
  settings: HypervisorSettings
  templates: TemplateStore
  scratch: ScratchDisks
  /** Each pod has a folder of its uid's name here, with its VM's run files and its scratch disk. */
  podsFolder: string
  /** A VM has ended whose guest image new VMs are not of any more. */
  onOldGuestEnded?: () => void
  /** The network namespace from which QEMU reaches stores of volumes on the network, and nothing else. */
  storageNamespace?: () => Promise<string>
  log: Logger
}

/** The hypervisor as workers use it. */
export class Machines implements MachinePort {
  /** Leases that keep a template until the VM of the pod has one, when each was taken, and the guest image that new VMs were of then. */
  private readonly prepared = new Map<string, { lease: TemplateLease; takenAt: number; guest: string }>()
  /** Guest images of the VMs that run. */
  private readonly guests = new Map<PodMachine, string>()
  /** Guest images of the VMs that start: their files are needed until they run. */
  private readonly starting = new Map<string, readonly string[]>()
  constructor(private readonly parts: MachineParts) {}

  async prepareTemplate(pod: PodIdentity, signal: AbortSignal): Promise<void> {
    const { settings, templates, log } = this.parts
    if (templates.sharing === 'cold') return
    try {
      const guest = settings.guest.version
      this.prepared.set(pod.uid, { lease: await templates.acquire({ tenantId: pod.tenantId, ...pod.size, signal }), takenAt: performance.now(), guest })
    } catch (error) {
      signal.throwIfAborted()
      // Without a template the VM is booted cold: slower, not worse.
      log.warn({ pod: pod.uid, err: error }, 'no template could be made')
    }
  }

  async releaseTemplate(pod: PodIdentity): Promise<void> {
    const prepared = this.prepared.get(pod.uid)
    this.prepared.delete(pod.uid)
    await prepared?.lease.release()
  }

  async createScratch(pod: PodIdentity): Promise<string> {
    // While the pod's network is made: what is done here the VM's start need not wait for.
    await prepareFolder(this.folder(pod), pod.vmUid)
    const file = join(this.folder(pod), 'scratch')
    const { scratchMiB } = pod.size
    await this.parts.scratch.create(file, scratchMiB === null ? undefined : scratchMiB * 2 ** 20)
    return file
  }

  async removeScratch(pod: PodIdentity): Promise<void> {
    await rm(this.folder(pod), { recursive: true, force: true })
  }

  async start({ pod, network, rootImage, scratch, storage = false, ownMemory = false }: Parameters<MachinePort['start']>[0], signal: AbortSignal): Promise<Machine> {
    const { templates, log } = this.parts
    const { uid, vmUid, tenantId, size } = pod
    this.starting.set(uid, [this.parts.settings.guest.version])
    try {
      const storageWay = storage ? await this.storageNamespace() : null
      // As they are now, and for all of the start: the guest image may become another.
      const settings = { ...this.parts.settings }
      const lease = this.takeFresh(uid, settings.guest.version)
      // A template of the guest image before serves on until there is another; a VM that does not start from it boots cold.
      this.starting.set(uid, [...new Set([settings.guest.version, lease?.guestVersion ?? settings.guest.version])])
      const started = await startVm(settings, templates, {
        ...{ id: uid, uid: vmUid, tenantId, network: { namespace: network.namespace, tap: network.tap }, mac: network.mac, ...size },
        ...{ imageFile: rootImage, scratchFile: scratch, runDir: this.folder(pod), folderIsReady: true, storage: storageWay, ownMemory, signal, ...(lease ? { lease } : {}) },
      })
      await this.releaseTemplate(pod)
      if (started.coldBecause) log.warn({ pod: uid, cause: started.coldBecause }, 'a VM was booted cold')
      return this.running(new PodMachine(started.vm))
    } finally {
      this.starting.delete(uid)
    }
  }

  /** Hands over the lease that was prepared for a pod, unless it is an old one or of before new VMs were of this guest image. */
  private takeFresh(podUid: string, guest: string): TemplateLease | null {
    const prepared = this.prepared.get(podUid)
    if (!prepared || prepared.guest !== guest || performance.now() - prepared.takenAt > freshMs) return null
    this.prepared.delete(podUid)
    return prepared.lease
  }

  private async storageNamespace(): Promise<string> {
    const { storageNamespace } = this.parts
    if (!storageNamespace) throw new StepError('NoStorageNetwork', 'The pod needs a way to a store of volumes on the network, and its host has none. Ask the operator, or use volumes of another storage class.')
    return storageNamespace().catch((error: unknown) => {
      throw error instanceof NoStoreOnNetwork ? new StepError('NoStorageNetwork', error.message, { cause: error }) : error
    })
  }

  async adopt(_pod: PodIdentity, record: unknown): Promise<Machine | null> {
    const parsed = VmRecord.safeParse(record)
    const vm = parsed.success ? await adoptVm(parsed.data, this.parts.templates) : null
    return vm && this.running(new PodMachine(vm))
  }

  /** The version of its guest image for each VM that runs or starts; of one that starts all that it may be of. */
  guestVersions(): string[] {
    return [...this.guests.values(), ...[...this.starting.values()].flat()]
  }

  private running(machine: PodMachine): PodMachine {
    const { guest } = machine.record
    if (guest !== null) this.guests.set(machine, guest)
    void machine.exited.then(() => {
      this.guests.delete(machine)
      if (guest !== null && guest !== this.parts.settings.guest.version) this.parts.onOldGuestEnded?.()
    })
    return machine
  }

  /** Needs no record: a start that was cut off half way may have left a VM of which nothing was written down. */
  remove(pod: PodIdentity): Promise<void> {
    const runDir = this.folder(pod)
    return removeVm({ uid: pod.vmUid, runDir, cgroups: this.parts.settings.cgroups.folders(groupName(runDir)) })
  }

  private folder(pod: PodIdentity): string {
    return join(this.parts.podsFolder, pod.uid)
  }
}

class PodMachine implements Machine {
  readonly record: VmRecord
  readonly mode: 'template' | 'cold'
  readonly processId: number
  readonly exited: Promise<string>
  constructor(private readonly vm: RunningVm) {
    this.record = vm.record
    this.mode = vm.record.mode
    this.processId = vm.record.process.pid
    this.exited = vm.exited.then(({ cause }) => cause)
  }

  async connect(signal: AbortSignal): Promise<ConnectedGuest> {
    const gone = new AbortController()
    void this.exited.then((cause) => gone.abort(new Error(cause)))
    return new ConnectedGuest(await GuestClient.connect(this.vm.agentSocket, { helloTimeoutMs: helloWithinMs, signal: AbortSignal.any([signal, gone.signal]) }))
  }

  get volumes(): MachineVolumes {
    return this.vm.volumes
  }

  plugImage(serial: string, file: string): Promise<void> {
    return this.vm.plugDisk({ serial, file })
  }

  unplugImage(serial: string): Promise<void> {
    return this.vm.unplugDisk(serial)
  }

  async stop(): Promise<void> {
    await this.vm.quit()
  }

  leave(): void {
    this.vm.detach()
  }
}
