import { chmod, chown, open, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HypervisorSettings } from '../hypervisor-settings'
import { VmError } from '../machine'
import { saveState } from '../saved-state'
import { bootServiceVm, memoryFile, stopServiceVm } from '../service-vm'
import { removeVmFolder, vmFolder } from '../start-qemu'

/** Size of a VM. */
export type VmSize = { vcpus: number; memoryMiB: number }

/** The files of a template, in its folder. */
export const templateFiles = { memory: 'memory', state: 'state', bootStub: 'boot-stub' } as const

/** Makes the {@link templateFiles} in a folder that is there. Throws VmError with the cause, or the signal's reason. */
export type MakePristine = (settings: HypervisorSettings, size: VmSize, folder: string, signal: AbortSignal) => Promise<void>

/** Boots a VM to its agent's hello and saves it. */
export const bootAndSave: MakePristine = async (settings, size, folder, signal) => {
  await chmod(folder, 0o711)
  const vm = await bootServiceVm(settings, { boot: 'template', ...size, folder, signal })
  try {
    await saveState(vm.qmp, vmFolder(folder), settings.serviceUid, join(folder, templateFiles.state))
  } finally {
    await stopServiceVm(vm)
  }
  await chown(memoryFile(folder), 0, 0)
  await chmod(memoryFile(folder), 0o600)
  await writeFile(join(folder, templateFiles.bootStub), await bootStub(settings.guest.kernel), { mode: 0o644 })
  await removeVmFolder(folder)
  for (const placeholder of ['image-placeholder', 'scratch-placeholder']) await rm(join(folder, placeholder))
}

/**
 * The first bytes of a kernel, as much as QEMU parses when it lays out a boot. A clone's guest has booted already, but
 * QEMU must have the same boot ROM as the template's had, and would else keep a copy of the whole kernel for each VM.
 * Source: the x86 boot protocol, setup_sects at 0x1f1.
 */
async function bootStub(kernel: string): Promise<Buffer> {
  const file = await open(kernel)
  try {
    const head = Buffer.alloc(64 * 1024)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    const setupBytes = ((head[0x1f1] || 4) + 1) * 512
    if (bytesRead < setupBytes + 4096) throw new VmError(`${kernel} is no kernel`)
    return head.subarray(0, setupBytes + 4096)
  } finally {
    await file.close()
  }
}

/** Brings a folder's files to the disk. */
export async function flushAll(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await flush(join(folder, name))
}

export async function flush(path: string): Promise<void> {
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
