import { chown, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { removeGroup } from '@/host/cgroups/group-files'
import { kvmNodeOf, maxScratchBytes, type HypervisorSettings } from './hypervisor-settings'
import { descriptors, placeholderMac, type BootMode } from './machine'
import { OpenFiles } from './open-files'
import { killProcess } from './process-identity'
import { agentSocket, startQemu, type StartedQemu } from './start-qemu'

export type ServiceBoot = { boot: Exclude<BootMode, 'clone'>; vcpus: number; memoryMiB: number; folder: string; signal: AbortSignal }

/** The memory file of a template that is being made. */
export const memoryFile = (folder: string) => join(folder, 'memory')

/**
 * Boots a VM without any tenant to its agent's hello, with placeholders as large as disks may be: to make a
 * template, or to see whether an accelerator works. It dies with the agent. Throws when the hello does not come.
 */
export async function bootServiceVm(settings: HypervisorSettings, { boot, vcpus, memoryMiB, folder, signal }: ServiceBoot): Promise<StartedQemu> {
  const { qemu, guest, accelerator, serviceUid, cgroups } = settings
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const files = new OpenFiles()
  try {
    const image = join(folder, 'image-placeholder')
    const scratch = join(folder, 'scratch-placeholder')
    await makeSparse(image, settings.maxImageBytes)
    await makeSparse(scratch, maxScratchBytes)
    await files.add(descriptors.image, image, 'r')
    await files.add(descriptors.scratch, scratch, 'r+')
    await files.add(descriptors.kernel, guest.kernel, 'r')
    await files.add(descriptors.initramfs, guest.initramfs, 'r')
    if (boot === 'template') {
      await makeSparse(memoryFile(folder), memoryMiB * 2 ** 20)
      // QEMU opens it anew for writing, which its owner may.
      await chown(memoryFile(folder), serviceUid, serviceUid)
      await files.add(descriptors.memory, memoryFile(folder), 'r+')
    }
    const shape = { boot, machine: qemu.machine, accelerator, vcpus, memoryMiB, mac: placeholderMac, kernelArguments: guest.arguments }
    const vm = await startQemu({ binary: qemu.binary, shape, uid: serviceUid, runDir: folder, files, network: null, kvmNode: kvmNodeOf(settings), cgroups, dieWithAgent: true, signal })
    try {
      await helloOrEnd(settings, vm, folder, signal)
      return vm
    } catch (error) {
      await stopServiceVm(vm)
      throw error
    }
  } finally {
    await files.close()
  }
}

async function helloOrEnd({ waitForHello }: HypervisorSettings, vm: StartedQemu, folder: string, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const closed = new Promise<never>((_, reject) => vm.qmp.once('close', reject))
  closed.catch(() => {})
  try {
    await Promise.race([waitForHello(agentSocket(folder), AbortSignal.any([signal, over.signal])), closed])
  } finally {
    over.abort()
  }
}

/** Ends the VM and waits until its process is gone. */
export async function stopServiceVm(vm: StartedQemu): Promise<void> {
  await vm.qmp.command('quit', {}, { timeoutMs: 2000 }).catch(() => {})
  vm.qmp.close()
  const stuck = setTimeout(() => void killProcess(vm.identity), 2000)
  await vm.ended.catch(() => {})
  clearTimeout(stuck)
  await removeGroup(vm.cgroups)
}

async function makeSparse(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.truncate(bytes)
  } finally {
    await file.close()
  }
}
