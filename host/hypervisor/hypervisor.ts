import { join } from 'node:path'
import { probeAccelerator, type AcceleratorSetting } from './accelerator'
import { adoptVm, removeVm } from './adopt-vm'
import { defaultMaxImageBytes, defaultScratchBytes, defaultTbSizeMiB, type HypervisorSettings, type WaitForHello } from './hypervisor-settings'
import { prepareKvmNode } from './kvm-node'
import type { Accelerator, GuestKernel } from './machine'
import { findQemu, type Qemu } from './qemu'
import type { RunningVm } from './running-vm'
import { ScratchDisks } from './scratch'
import { startVm, type StartedVm, type VmRequest } from './start-vm'
import { TemplateStore, type TemplateLease, type TemplateRequest, type TemplateSharing } from './templates/template-store'
import type { VmRecord } from './vm-record'

export type HypervisorOptions = {
  /** Templates, prepared disks and results of probes; 0711 or stricter, root's. */
  dir: string
  guest: GuestKernel
  waitForHello: WaitForHello
  /** A user of which no pod's VM runs: templates are made as it. */
  serviceUid: number
  acceleration: AcceleratorSetting
  sharing: TemplateSharing
  binary?: string
  scratchBytes?: number
  maxImageBytes?: number
  tbSizeMiB?: number
  maxIdleCopies?: number
  /** Probe the accelerator anew. */
  forceProbe?: boolean
  signal: AbortSignal
}

/** The VMs of this host: what the rest of the agent sees of QEMU. */
export class Hypervisor {
  private constructor(
    readonly settings: HypervisorSettings,
    /** Why VMs run as they do, in one sentence. */
    readonly acceleratorReason: string,
    private readonly templates: TemplateStore,
    /** Makes pods' scratch disks of the size that templates expect. */
    readonly scratch: ScratchDisks,
  ) {}

  /** Finds QEMU, decides on the accelerator and takes up the templates of an earlier run. Throws where QEMU or a forced KVM is missing. */
  static async open(options: HypervisorOptions): Promise<Hypervisor> {
    const { dir, guest, waitForHello, serviceUid, signal, tbSizeMiB = defaultTbSizeMiB } = options
    const common = {
      ...{ guest, waitForHello, serviceUid, qemu: await findQemu(options.binary), kvmNode: await prepareKvmNode(join(dir, 'dev')) },
      ...{ scratchBytes: options.scratchBytes ?? defaultScratchBytes, maxImageBytes: options.maxImageBytes ?? defaultMaxImageBytes },
    }
    const choice = await probeAccelerator({ setting: options.acceleration, settings: common, tbSizeMiB, dir: join(dir, 'probe'), force: options.forceProbe, signal })
    const settings = { ...common, accelerator: choice.accelerator, kvmNode: choice.accelerator.kind === 'kvm' ? common.kvmNode : null }
    const templates = new TemplateStore({ dir: join(dir, 'templates'), settings, sharing: options.sharing, maxIdleCopies: options.maxIdleCopies })
    const scratch = new ScratchDisks(join(dir, 'scratch'), settings.scratchBytes)
    await Promise.all([templates.open(), scratch.prepare()])
    return new Hypervisor(settings, choice.reason, templates, scratch)
  }

  get qemu(): Qemu {
    return this.settings.qemu
  }

  get accelerator(): Accelerator {
    return this.settings.accelerator
  }

  /** Makes a tenant's template of a size ready and keeps it until the lease is released; null where VMs are booted cold. */
  async prepareTemplate(request: TemplateRequest): Promise<TemplateLease | null> {
    return this.templates.sharing === 'cold' ? null : this.templates.acquire(request)
  }

  start(request: VmRequest): Promise<StartedVm> {
    return startVm(this.settings, this.templates, request)
  }

  adopt(record: VmRecord): Promise<RunningVm | null> {
    return adoptVm(record, this.templates)
  }

  /** Ends a pod's VM, however it is and even if no record of it was kept, and removes what is left of it. */
  remove(vm: { uid: number; runDir: string }): Promise<void> {
    return removeVm(vm)
  }

  /** Drops templates without VMs: after all records of an earlier run were adopted, or when memory is short. */
  dropIdleTemplates(keep = 0): Promise<void> {
    return this.templates.dropIdle(keep)
  }

  /** For the agent's end. VMs run on; templates stay for them and the next run unless `dropTemplates`. */
  close({ dropTemplates = false } = {}): Promise<void> {
    return this.templates.close({ dropAll: dropTemplates })
  }
}
