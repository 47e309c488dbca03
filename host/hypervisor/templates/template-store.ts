import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { HypervisorSettings } from '../hypervisor-settings'
import { VmError } from '../machine'
import { PristineTemplates, type Pristine, type VmSize } from './pristine'
import { endStrayHolders, holderPath, holds, holdSealedCopy, letGo, MemoryHolder } from './sealed-memory'
import { SingleFlight } from './single-flight'

/**
 * Whose memory a pod's VM is cloned from. `tenant-copy`: a copy that only one tenant's VMs share. `shared`: one copy for
 * all, smaller and open to timing side channels between tenants. `cold`: nobody's, every VM boots for itself.
 */
export type TemplateSharing = 'tenant-copy' | 'shared' | 'cold'

/**
 * A template that stays as long as somebody holds a lease of it. The paths are for root alone. `discard` is for one that
 * a VM could not be cloned from: the next pod's is made anew.
 */
export type TemplateLease = { copy: string; memory: string; state: string; bootStub: string; release: () => Promise<void>; discard: () => Promise<void> }

export type TemplateRequest = VmSize & { tenantId: string; signal: AbortSignal }

export type TemplateStoreOptions = {
  dir: string
  settings: HypervisorSettings
  sharing: TemplateSharing
  /** Copies that no VM uses and that are kept for the next pod, the latest used first. Default 4. */
  maxIdleCopies?: number
  bootTimeoutMs?: number
}

const CopyRecord = z.object({ copy: z.string(), pristine: z.object({ key: z.string(), memory: z.string(), state: z.string(), bootStub: z.string() }), holder: MemoryHolder })
type Copy = z.infer<typeof CopyRecord> & { leases: number; lastUse: number }

/** How long a size that could not be made is not tried again: each try may take a whole boot's time limit. */
const retryAfterMs = 60_000

/** Makes, copies and keeps templates. One store a folder; what runs for it survives the agent and is found again. */
export class TemplateStore {
  private readonly pristine: PristineTemplates
  private readonly copies = new Map<string, Copy>()
  private readonly makingPristine = new SingleFlight<Pristine>(retryAfterMs)
  private readonly makingCopy = new SingleFlight<void>(0)
  private readonly ended = new AbortController()
  private uses = 0

  constructor(private readonly options: TemplateStoreOptions) {
    this.pristine = new PristineTemplates(join(options.dir, 'pristine'), options.settings, options.bootTimeoutMs)
  }

  get sharing(): TemplateSharing {
    return this.options.sharing
  }

  /** Makes the folders and takes up the copies of an earlier run. VMs that were adopted then take leases by `adopt`. */
  async open(): Promise<void> {
    await this.pristine.open()
    await mkdir(this.copiesFolder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.copiesFolder)) {
      const file = join(this.copiesFolder, name)
      const record = parseRecord(await readFile(file, 'utf8'))
      if (record && (await holds(record.holder))) this.copies.set(record.copy, { ...record, leases: 0, lastUse: this.nextUse() })
      else await rm(file, { force: true })
    }
    await endStrayHolders(this.nameTag, new Set([...this.copies.values()].map((copy) => copy.holder.process.pid)))
  }

  /**
   * A lease of the tenant's template of this size; what is missing is made first, once however many ask. Throws VmError
   * with the cause when it cannot be made (a failure is told again for a minute), or the signal's reason.
   */
  async acquire(request: TemplateRequest): Promise<TemplateLease> {
    if (this.sharing === 'cold') throw new VmError('templates are switched off')
    for (;;) {
      request.signal.throwIfAborted()
      const pristine = await abortable(this.makePristine(request), request.signal)
      const copy = copyName(this.sharing === 'shared' ? '' : request.tenantId, pristine.key)
      const lease = await this.adopt(copy)
      if (lease) return lease
      await abortable(this.makingCopy.do(copy, () => this.makeCopy(copy, pristine)), request.signal)
    }
  }

  /** Makes the pristine template of a size before a pod asks for it; no-op where templates are switched off. */
  async prepare(size: VmSize): Promise<void> {
    if (this.sharing !== 'cold') await this.makePristine(size)
  }

  private makePristine({ vcpus, memoryMiB }: VmSize): Promise<Pristine> {
    return this.makingPristine.do(`${vcpus}-${memoryMiB}`, () => this.pristine.get({ vcpus, memoryMiB }, this.ended.signal))
  }

  /** One more lease of a copy that exists, for a VM that runs from it; null when it is gone. */
  async adopt(name: string): Promise<TemplateLease | null> {
    const copy = this.copies.get(name)
    if (!copy) return null
    copy.leases += 1
    if (!(await holds(copy.holder))) {
      await this.forget(copy)
      return null
    }
    let released = false
    const release = async () => {
      if (released) return
      released = true
      copy.leases -= 1
      copy.lastUse = this.nextUse()
      await this.dropIdle(this.options.maxIdleCopies ?? 4)
    }
    const discard = async () => {
      await Promise.all([this.pristine.discard(copy.pristine), this.forget(copy)])
      await release()
    }
    return { copy: name, memory: holderPath(copy.holder), state: copy.pristine.state, bootStub: copy.pristine.bootStub, release, discard }
  }

  /** Lets go the copies that no VM uses, but for the latest `keep`. */
  async dropIdle(keep: number): Promise<void> {
    const idle = [...this.copies.values()].filter((copy) => copy.leases === 0).sort((a, b) => b.lastUse - a.lastUse)
    await Promise.all(idle.slice(keep).map((copy) => this.forget(copy)))
  }

  /**
   * Stops what is being made and drops what no VM uses. Copies with VMs stay for the next run of the agent, unless
   * `dropAll`: VMs keep what they have mapped.
   */
  async close({ dropAll = false } = {}): Promise<void> {
    this.ended.abort(new VmError('the template store is closed'))
    await this.makingPristine.settled()
    await this.makingCopy.settled()
    await Promise.all([...this.copies.values()].filter((copy) => dropAll || copy.leases === 0).map((copy) => this.forget(copy)))
  }

  /** A count, not a time: two uses are never equal. */
  private nextUse(): number {
    this.uses += 1
    return this.uses
  }

  /** Tells the holders of this store from those of another agent on the machine. */
  private get nameTag(): string {
    return createHash('sha256').update(resolve(this.options.dir)).digest('hex').slice(0, 12)
  }

  private get copiesFolder(): string {
    return join(this.options.dir, 'copies')
  }

  private recordFile(copy: string): string {
    return join(resolve(this.copiesFolder), `${copy}.json`)
  }

  private async makeCopy(copy: string, pristine: Copy['pristine']): Promise<void> {
    if (this.copies.has(copy)) return
    const holder = await holdSealedCopy(pristine.memory, `${this.nameTag}-${copy}`, this.recordFile(copy))
    const record = { copy, pristine, holder }
    this.copies.set(copy, { ...record, leases: 0, lastUse: this.nextUse() })
    await writeFile(this.recordFile(copy), JSON.stringify(record), { mode: 0o600 })
  }

  private async forget(copy: Copy): Promise<void> {
    if (this.copies.get(copy.copy) !== copy) return
    this.copies.delete(copy.copy)
    await letGo(copy.holder)
    await rm(this.recordFile(copy.copy), { force: true })
  }
}

function copyName(owner: string, key: string): string {
  return createHash('sha256').update(`${owner}\n${key}`).digest('hex').slice(0, 24)
}

function parseRecord(text: string): z.infer<typeof CopyRecord> | undefined {
  try {
    return CopyRecord.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The promise's result, or the signal's reason as soon as it is aborted; the work goes on for others. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new VmError('aborted'))
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
