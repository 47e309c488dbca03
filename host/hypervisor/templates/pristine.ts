import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { maxScratchBytes, type HypervisorSettings } from '../hypervisor-settings'
import { VmError } from '../machine'
import { saveState } from '../saved-state'
import { bootServiceVm, memoryFile, stopServiceVm } from '../service-vm'
import { removeVmFolder, vmFolder } from '../start-qemu'

/** Size of a VM. */
export type VmSize = { vcpus: number; memoryMiB: number }

/** A saved VM of one size that holds no tenant's data: the files that a clone needs. */
export type Pristine = { key: string; memory: string; state: string; bootStub: string }

const readyMark = 'ready'
const draftPrefix = 'draft-'

/** All that a saved state depends on beside the VM's size: where any of it changes, templates are made anew. */
export function templateGeneration(settings: HypervisorSettings): string {
  const { qemu, guest, accelerator, maxImageBytes } = settings
  const parts = [qemu.version, qemu.machine, guest.version, guest.arguments, accelerator, maxScratchBytes, maxImageBytes]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/** Finds and makes pristine templates in a folder, one a size. Its caller sees to it that each is made once at a time. */
export class PristineTemplates {
  private readonly generation: string

  constructor(
    private readonly folder: string,
    private readonly settings: HypervisorSettings,
    private readonly bootTimeoutMs = 120_000,
  ) {
    this.generation = templateGeneration(settings)
  }

  /** Makes the folder, and removes what an earlier run left half done or what fits this QEMU and kernel no more. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o711 })
    const old = (await readdir(this.folder)).filter((name) => !name.startsWith(`${this.generation}-`))
    await Promise.all(old.map((name) => rm(join(this.folder, name), { recursive: true, force: true })))
  }

  /** The template of this size, made now where there is none. Throws VmError with the cause. */
  async get(size: VmSize, signal: AbortSignal): Promise<Pristine> {
    const key = `${this.generation}-${size.vcpus}-${size.memoryMiB}`
    const folder = join(this.folder, key)
    if ((await readFile(join(folder, readyMark), 'utf8').catch(() => '')) !== key) await this.make(key, size, folder, signal)
    return { key, memory: memoryFile(folder), state: join(folder, 'state'), bootStub: join(folder, 'boot-stub') }
  }

  /** Throws a template away that turned out to be of no use. */
  async discard({ key }: Pristine): Promise<void> {
    await rm(join(this.folder, key), { recursive: true, force: true })
  }

  private async make(key: string, size: VmSize, target: string, signal: AbortSignal): Promise<void> {
    const draft = await mkdtemp(join(this.folder, draftPrefix))
    const late = AbortSignal.timeout(this.bootTimeoutMs)
    try {
      await chmod(draft, 0o711)
      const vm = await bootServiceVm(this.settings, { boot: 'template', ...size, folder: draft, signal: AbortSignal.any([signal, late]) })
      try {
        await saveState(vm.qmp, vmFolder(draft), this.settings.serviceUid, join(draft, 'state'))
      } finally {
        await stopServiceVm(vm)
      }
      await chown(memoryFile(draft), 0, 0)
      await chmod(memoryFile(draft), 0o600)
      await writeFile(join(draft, 'boot-stub'), await bootStub(this.settings.guest.kernel), { mode: 0o644 })
      await removeVmFolder(draft)
      for (const placeholder of ['image-placeholder', 'scratch-placeholder']) await rm(join(draft, placeholder))
      await writeFile(join(draft, readyMark), key)
      for (const name of await readdir(draft)) await flush(join(draft, name))
      await rm(target, { recursive: true, force: true })
      await rename(draft, target)
      await flush(this.folder)
    } catch (error) {
      await rm(draft, { recursive: true, force: true })
      if (late.aborted) throw new VmError(`the guest did not say hello within ${this.bootTimeoutMs} ms`, { cause: error })
      throw error
    }
  }
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

async function flush(path: string): Promise<void> {
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
