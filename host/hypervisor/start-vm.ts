import { allDone } from '@/host/network/serial'
import { kvmNodeOf, type HypervisorSettings } from './hypervisor-settings'
import { lastWords, type VmNetwork } from './launch'
import { descriptors, VmError, type BootMode, type VmShape } from './machine'
import { OpenFiles } from './open-files'
import { CopyError, copyTemplateMemory } from './own-memory'
import { RunningVm } from './running-vm'
import { loadState } from './saved-state'
import { endProcess, removeVmFolder, startQemu, stderrFile, type StartedQemu } from './start-qemu'
import type { TemplateLease, TemplateStore } from './templates/template-store'

export type VmRequest = {
  id: string
  /** The user this VM alone runs as. */
  uid: number
  tenantId: string
  /** Null for a VM whose NIC leads nowhere. */
  network: VmNetwork | null
  /** The network namespace from which QEMU reaches stores of volumes on the network; null or left out: it has no volumes there, now or later. */
  storage?: string | null
  mac: string
  vcpus: number
  memoryMiB: number
  /** It shares no memory with other VMs of its template, and has large pages where the kernel gives them (see own-memory.ts). */
  ownMemory?: boolean
  /** The pod's root image (squashfs). Opened here: its mode and folder may keep others out. */
  imageFile: string
  /** The pod's own scratch disk, of {@link ScratchDisks}. */
  scratchFile: string
  /** A folder for this VM alone; its path has at most 90 bytes. */
  runDir: string
  /** The folder was made by {@link prepareFolder} for this start. */
  folderIsReady?: boolean
  /** Of the tenant's template of this size, taken a moment ago: it is the VM's from now on, and given back where none starts. Without one a lease is taken here. */
  lease?: TemplateLease
  signal: AbortSignal
}

export type Timing = { name: string; ms: number }

/** `coldBecause` says why no template was used, unless cold boots are the setting. */
export type StartedVm = { vm: RunningVm; mode: 'template' | 'cold'; coldBecause: string | null; steps: Timing[] }

/**
 * Starts a pod's VM: from its tenant's template, or by a cold boot when that fails. It resolves when the VM runs; its
 * agent answers soon after (or, after a cold boot, in seconds). Throws VmError with the cause, or the signal's reason;
 * then nothing of the VM is left.
 */
export async function startVm(host: HypervisorSettings, templates: TemplateStore, request: VmRequest): Promise<StartedVm> {
  // As they are now: the guest image may become another.
  const settings = { ...host }
  const steps: Timing[] = []
  let coldBecause: string | null = null
  if (templates.sharing !== 'cold') {
    try {
      return { vm: await startClone(settings, templates, request, steps), mode: 'template', coldBecause, steps }
    } catch (error) {
      request.signal.throwIfAborted()
      coldBecause = error instanceof Error ? error.message : String(error)
    }
  }
  const started = await measure(steps, coldBecause === null ? 'start' : 'cold start', () => launch(settings, request, 'cold', null))
  return { vm: running(settings, request, started, null), mode: 'cold', coldBecause, steps }
}

async function startClone(settings: HypervisorSettings, templates: TemplateStore, request: VmRequest, steps: Timing[]): Promise<RunningVm> {
  const lease = request.lease ?? (await measure(steps, 'template', () => templates.acquire(request)))
  try {
    const started = await measure(steps, 'start', () => launch(settings, request, request.ownMemory ? 'copy' : 'clone', lease, request.folderIsReady))
    try {
      if (request.ownMemory) await measure(steps, 'memory', () => copyTemplateMemory(started.identity, request.memoryMiB, lease.memory, request.signal))
      await measure(steps, 'load', () => Promise.all([loadState(started.qmp), lease.intact()]))
      request.signal.throwIfAborted()
    } catch (error) {
      const cause = await failureOfLoad(error, started, request)
      // Memory that could not be copied says nothing against the template.
      if (!request.signal.aborted && !(error instanceof CopyError)) await lease.discard()
      throw cause
    }
    return running(settings, request, started, lease)
  } catch (error) {
    await lease.release()
    throw error
  }
}

/** Ends a clone that did not take up its state. QEMU's own words say more than that its monitor is gone. */
async function failureOfLoad(error: unknown, started: StartedQemu, { runDir }: VmRequest): Promise<unknown> {
  started.qmp.close()
  await endProcess(started)
  const words = await lastWords(stderrFile(runDir))
  await removeVmFolder(runDir, started.cgroups)
  return error instanceof VmError && words ? new VmError(`${error.message}: ${words}`, { cause: error }) : error
}

type StartedPodQemu = StartedQemu & { scratchBytes: number }

async function launch(settings: HypervisorSettings, request: VmRequest, boot: Exclude<BootMode, 'template'>, lease: TemplateLease | null, folderIsReady = false): Promise<StartedPodQemu> {
  const { qemu, guest, accelerator, cgroups } = settings
  const { vcpus, memoryMiB, mac, uid, runDir, network, storage = null, signal } = request
  const shape: VmShape = { boot, machine: qemu.machine, accelerator, vcpus, memoryMiB, mac, kernelArguments: guest.arguments }
  const files = new OpenFiles()
  try {
    const scratch = files.add(descriptors.scratch, request.scratchFile, 'r+')
    const memory = lease && boot === 'clone' ? files.add(descriptors.memory, lease.memory, 'r') : null
    const others = [files.add(descriptors.image, request.imageFile, 'r'), files.add(descriptors.kernel, lease?.bootStub ?? guest.kernel, 'r'), lease ? files.add(descriptors.state, lease.state, 'r') : files.add(descriptors.initramfs, guest.initramfs, 'r')]
    // Those that open late are closed too.
    await allDone([scratch, memory, ...others])
    const { size: scratchBytes } = await scratch
    const shared = await memory
    const templateHoleBytes = shared ? Math.max(0, shared.size - shared.blocks * 512) : 0
    const started = await startQemu({ binary: qemu.binary, shape, uid, runDir, files, network, storage, kvmNode: kvmNodeOf(settings), cgroups, templateHoleBytes, dieWithAgent: false, folderIsReady, signal })
    return { ...started, scratchBytes }
  } finally {
    await files.close()
  }
}

function running(settings: HypervisorSettings, request: VmRequest, started: StartedPodQemu, lease: TemplateLease | null): RunningVm {
  const { id, tenantId, uid, runDir } = request
  const record = { id, tenantId, uid, runDir, mode: lease ? 'template' : 'cold', copy: lease?.copy ?? null, accelerator: settings.accelerator.kind, guest: lease?.guestVersion ?? settings.guest.version, scratch: { file: request.scratchFile, bytes: started.scratchBytes }, memoryBytes: started.memoryBytes, storage: Boolean(request.storage), process: started.identity, cgroups: started.cgroups } as const
  return new RunningVm(record, started.qmp, lease, started)
}

async function measure<T>(steps: Timing[], name: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now()
  try {
    return await work()
  } finally {
    steps.push({ name, ms: Math.round(performance.now() - begin) })
  }
}
