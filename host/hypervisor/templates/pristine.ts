import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { maxScratchBytes, type HypervisorSettings } from '../hypervisor-settings'
import { VmError } from '../machine'
import { bootAndSave, flush, flushAll, templateFiles, type MakePristine, type VmSize } from './make-pristine'
import { memoryDigest } from './sealed-memory'

/** A saved VM of one size that holds no tenant's data: the files that a clone needs, and what they were when they were made. */
export const Pristine = z.object({
  key: z.string(),
  vcpus: z.number().int(),
  memoryMiB: z.number().int(),
  /** All that it depends on ({@link templateGeneration}). */
  generation: z.string(),
  /** The guest image it was booted from. */
  guestVersion: z.string(),
  /** Milliseconds since 1970. */
  madeAt: z.number(),
  memory: z.string(),
  state: z.string(),
  bootStub: z.string(),
  /** Hashes as they were made: of the memory {@link memoryDigest}, of the others SHA-256. */
  digests: z.object({ memory: z.string(), state: z.string(), bootStub: z.string() }),
})
export type Pristine = z.infer<typeof Pristine>

const readyMark = 'ready'
const draftPrefix = 'draft-'
const placeIn = (folder: string) => ({ memory: join(folder, templateFiles.memory), state: join(folder, templateFiles.state), bootStub: join(folder, templateFiles.bootStub) })

/** How templates lie in their folder, and by which arguments they were made; counts up where that changes. */
const format = 3

export const sizeKey = ({ vcpus, memoryMiB }: VmSize): string => `${vcpus}-${memoryMiB}`

/** All that a saved state depends on beside the VM's size: where any of it changes, templates are made anew. */
export function templateGeneration(settings: HypervisorSettings): string {
  const { qemu, guest, accelerator, maxImageBytes } = settings
  const parts = [format, qemu.version, qemu.machine, guest.version, guest.arguments, accelerator, maxScratchBytes, maxImageBytes]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/**
 * Finds and makes pristine templates in a folder, one a size in use at a time; one that was replaced stays until it is
 * swept. Its caller sees to it that each size is made once at a time.
 */
export class PristineTemplates {
  private readonly current = new Map<string, Pristine>()
  /** Names of what is being made, and the guest image that it is made from. */
  private readonly making = new Map<string, string>()

  constructor(
    private readonly folder: string,
    private readonly settings: HypervisorSettings,
    private readonly make: MakePristine = bootAndSave,
    private readonly bootTimeoutMs = 120_000,
  ) {}

  /** Makes the folder, and removes what an earlier run left half done or what fits this QEMU and kernel no more. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o711 })
    const generation = templateGeneration(this.settings)
    for (const name of await readdir(this.folder)) {
      const found = parseMark(await readFile(join(this.folder, name, readyMark), 'utf8').catch(() => ''))
      const newest = found && this.find(found)
      if (found?.key === name && found.generation === generation && (newest?.madeAt ?? 0) <= found.madeAt) this.current.set(sizeKey(found), { ...found, ...placeIn(join(this.folder, name)) })
    }
    await this.sweep(() => new Set())
  }

  /** The newest of this size, of whatever guest image. */
  find(size: VmSize): Pristine | undefined {
    return this.current.get(sizeKey(size))
  }

  /** Those that new pods start from. */
  list(): Pristine[] {
    return [...this.current.values()]
  }

  isCurrent({ key, vcpus, memoryMiB }: Pristine): boolean {
    return this.find({ vcpus, memoryMiB })?.key === key
  }

  /** Whether it was booted from what VMs are booted from now. */
  isOfThisGeneration(pristine: Pristine): boolean {
    return pristine.generation === templateGeneration(this.settings)
  }

  /** Makes a template of this size, which new pods start from once it is there. Throws VmError with the cause. */
  async renew({ vcpus, memoryMiB }: VmSize, signal: AbortSignal): Promise<Pristine> {
    // As they are now: the guest image may be another before this is done.
    const settings = { ...this.settings }
    const size = { vcpus, memoryMiB }
    const generation = templateGeneration(settings)
    const key = `${generation}-${sizeKey(size)}-${randomBytes(4).toString('hex')}`
    const draft = await mkdtemp(join(this.folder, draftPrefix))
    const names = [basename(draft), key]
    for (const name of names) this.making.set(name, settings.guest.version)
    const late = AbortSignal.timeout(this.bootTimeoutMs)
    try {
      await this.make(settings, size, draft, AbortSignal.any([signal, late]))
      const [target, made] = [join(this.folder, key), placeIn(draft)]
      const digests = { memory: await memoryDigest(made.memory), state: await fileDigest(made.state), bootStub: await fileDigest(made.bootStub) }
      const pristine: Pristine = { key, ...size, generation, guestVersion: settings.guest.version, madeAt: Date.now(), ...placeIn(target), digests }
      await writeFile(join(draft, readyMark), JSON.stringify(pristine))
      await flushAll(draft)
      await rename(draft, target)
      await flush(this.folder)
      this.current.set(sizeKey(size), pristine)
      return pristine
    } catch (error) {
      await rm(draft, { recursive: true, force: true })
      if (late.aborted) throw new VmError(`the guest did not say hello within ${this.bootTimeoutMs} ms`, { cause: error })
      throw error
    } finally {
      for (const name of names) this.making.delete(name)
    }
  }

  /** What is not as it was made of the small files, which are read at every start; null where all is. Costs 1 to 2 ms. */
  async alteration({ state, bootStub, digests }: Pristine): Promise<string | null> {
    const [ofState, ofBootStub] = await Promise.all([fileDigest(state).catch(reason), fileDigest(bootStub).catch(reason)])
    if (ofState !== digests.state) return state
    return ofBootStub === digests.bootStub ? null : bootStub
  }

  /** No pod starts from it any more; {@link sweep} removes it. */
  retire(pristine: Pristine): void {
    if (this.isCurrent(pristine)) this.current.delete(sizeKey(pristine))
  }

  /** The guest images whose files are being read. */
  guestsInMaking(): string[] {
    return [...this.making.values()]
  }

  /** Removes all that new pods do not start from, but for the keys in `used` and what is being made. */
  async sweep(used: () => ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.folder)
    const keep = new Set([...used(), ...this.making.keys(), ...this.list().map((one) => one.key)])
    const old = names.filter((name) => !keep.has(name))
    await Promise.all(old.map((name) => rm(join(this.folder, name), { recursive: true, force: true })))
  }
}

const reason = (error: unknown): string => String(error)

async function fileDigest(path: string): Promise<string> {
  return createHash('sha256').update(await readFile(path)).digest('hex')
}

function parseMark(text: string): Pristine | undefined {
  try {
    return Pristine.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
