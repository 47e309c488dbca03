import { join, resolve } from 'node:path'
import type { Logger } from '@/platform/logger'
import type { HypervisorSettings } from '../hypervisor-settings'
import { VmError } from '../machine'
import { abortable } from './abortable'
import { copyName, TemplateCopies, type CopyRecord } from './copies'
import type { MakePristine, VmSize } from './make-pristine'
import { PristineTemplates, sizeKey, type Pristine } from './pristine'
import { holderPath, holds, memoryDigest } from './sealed-memory'
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
export type TemplateLease = {
  /** Resolves once its memory was compared with what was made; rejects with VmError where it is another. Nothing of a tenant may run before. */
  intact: () => Promise<void>
  copy: string
  guestVersion: string
  memory: string
  state: string
  bootStub: string
  release: () => Promise<void>
  discard: () => Promise<void>
}

export type TemplateInService = { pristine: Pristine; unusedMs: number; outdated: boolean }

export type TemplateRequest = VmSize & { tenantId: string; signal: AbortSignal }

export type TemplateStoreOptions = {
  dir: string
  /** Looked at anew for every template that is made: the guest image may change. */
  settings: HypervisorSettings
  sharing: TemplateSharing
  /** Copies that no VM uses and that are kept for the next pod, the latest used first. Default 4. */
  maxIdleCopies?: number
  bootTimeoutMs?: number
  log?: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Makes the files of a template; by default a VM is booted. */
  make?: MakePristine
}

/** How long a size that could not be made is not tried again: each try may take a whole boot's time limit. */
const retryAfterMs = 60_000
/** How often one start takes up a template that turns out to be altered. */
const maxAlterations = 3
/** A template is copied in one round and leased in the next. */
const maxRounds = 2 * maxAlterations

/** Makes, copies and keeps templates. One store a folder; what runs for it survives the agent and is found again. */
export class TemplateStore {
  private readonly pristine: PristineTemplates
  private readonly copies: TemplateCopies
  private readonly makingPristine = new SingleFlight<Pristine>(retryAfterMs)
  private readonly renewing = new SingleFlight<Pristine>(0)
  private readonly makingCopy = new SingleFlight<void>(0)
  private readonly ended = new AbortController()
  /** One for each who reads a template's files. */
  private readonly readers = new Set<{ key: string }>()
  /** When a pod last asked for a size, by the steady clock in ms; never in the past for one that is made ahead. */
  private readonly asked = new Map<string, number>()

  constructor(private readonly options: TemplateStoreOptions) {
    this.copies = new TemplateCopies(options.dir)
    this.pristine = new PristineTemplates(join(options.dir, 'pristine'), options.settings, options.make, options.bootTimeoutMs)
  }

  get sharing(): TemplateSharing {
    return this.options.sharing
  }

  /** Makes the folders and takes up the copies of an earlier run. VMs that were adopted then take leases by `adopt`. */
  async open(): Promise<void> {
    await this.pristine.open()
    for (const pristine of this.pristine.list()) this.asked.set(sizeKey(pristine), performance.now())
    await this.copies.open((record) => this.compare(record))
  }

  /**
   * A lease of the tenant's template of this size; what is missing is made first, once however many ask. One that is not
   * as it was made is thrown away and made anew. Throws VmError with the cause when it cannot be made (a failure is told
   * again for a minute), or the signal's reason.
   */
  async acquire(request: TemplateRequest): Promise<TemplateLease> {
    if (this.sharing === 'cold') throw new VmError('templates are switched off')
    this.asked.set(sizeKey(request), Math.max(performance.now(), this.asked.get(sizeKey(request)) ?? 0))
    let alterations = 0
    for (let round = 0; round < maxRounds && alterations < maxAlterations; round += 1) {
      request.signal.throwIfAborted()
      const pristine = this.pristine.find(request) ?? (await abortable(this.makePristine(request), request.signal))
      const lease = await this.reading(pristine, () => this.leaseOf(pristine, request))
      if (lease) return lease
      if (!this.pristine.isCurrent(pristine)) alterations += 1
    }
    if (alterations < maxAlterations) throw new VmError(`no copy of the template of ${request.memoryMiB} MiB could be compared with what was made: the host's log tells why; look for memory that is short`)
    throw new VmError(`the template of ${request.memoryMiB} MiB was not as it had been made ${maxAlterations} times: look for a failing disk or memory under ${resolve(this.options.dir)}`)
  }

  /** A lease of the tenant's copy; null where one was made that can be leased now, or the template is not as it was made. */
  private async leaseOf(pristine: Pristine, { tenantId, signal }: TemplateRequest): Promise<TemplateLease | null> {
    const altered = await this.pristine.alteration(pristine)
    if (altered !== null) {
      await this.throwAway(pristine, altered)
      return null
    }
    const copy = copyName(this.sharing === 'shared' ? '' : tenantId, pristine.key)
    const lease = await this.adopt(copy)
    if (lease) return lease
    // Goes on for others where this one does not wait any longer.
    await abortable(this.makingCopy.do(copy, () => this.reading(pristine, () => this.copies.make(copy, pristine, (record) => this.compare(record)))), signal)
    return null
  }

  /** Its files stay until the work is done, though another may be in service by then. */
  private async reading<T>(pristine: Pristine, work: () => Promise<T>): Promise<T> {
    const reader = { key: pristine.key }
    this.readers.add(reader)
    try {
      return await work()
    } finally {
      this.readers.delete(reader)
      if (!this.pristine.isCurrent(pristine)) await this.dropRetired().catch((error: unknown) => this.options.log?.warn({ err: error }, 'a template that is not used any more could not be removed'))
    }
  }

  /** Makes the pristine template of a size before a pod asks for it, and keeps one in service; no-op where templates are switched off. */
  async prepare(size: VmSize): Promise<void> {
    if (this.sharing === 'cold') return
    this.asked.set(sizeKey(size), Infinity)
    if (!this.pristine.find(size)) await this.makePristine(size)
  }

  /** What new pods start from, for how long no pod has asked for that size (ms), and whether VMs are booted from something else by now. */
  inService(): TemplateInService[] {
    return this.pristine.list().map((pristine) => ({ pristine, unusedMs: Math.max(0, performance.now() - (this.asked.get(sizeKey(pristine)) ?? 0)), outdated: !this.pristine.isOfThisGeneration(pristine) }))
  }

  /** The guest images that templates are being made from. */
  guestsInMaking(): string[] {
    return this.pristine.guestsInMaking()
  }

  /** Makes another template of a size; the old one serves until it is there. Throws VmError, and then the old one serves on. */
  async renew(size: VmSize): Promise<void> {
    await this.renewing.do(sizeKey(size), () => this.pristine.renew(size, this.ended.signal))
    await this.dropRetired()
  }

  /** Nobody has asked for this one for long: the next pod that does waits for another. */
  async retire(pristine: Pristine): Promise<void> {
    this.pristine.retire(pristine)
    await this.dropRetired()
  }

  private makePristine(size: VmSize): Promise<Pristine> {
    return this.makingPristine.do(sizeKey(size), async () => this.pristine.find(size) ?? this.pristine.renew(size, this.ended.signal))
  }

  /** One more lease of a copy that exists, for a VM that runs from it; null when it is gone. */
  async adopt(name: string): Promise<TemplateLease | null> {
    const copy = this.copies.get(name)
    if (!copy) return null
    copy.leases += 1
    if (!(await holds(copy.holder))) {
      await this.copies.forget(copy)
      return null
    }
    let released = false
    const release = async () => {
      if (released) return
      released = true
      this.copies.giveBack(copy)
      if (this.pristine.isCurrent(copy.pristine)) await this.dropIdle(this.options.maxIdleCopies ?? 4)
      else await this.dropRetired()
    }
    const discard = async () => {
      // One that its comparison dropped says nothing of the template, which was judged there.
      if (this.copies.get(name) === copy) this.pristine.retire(copy.pristine)
      await this.copies.forget(copy)
      await release()
    }
    const { state, bootStub, guestVersion } = copy.pristine
    return { intact: () => copy.intact, copy: name, guestVersion, memory: holderPath(copy.holder), state, bootStub, release, discard }
  }

  /** Lets go the copies that no VM uses, but for the latest `keep`, and of those the ones unused for `idleMs`. */
  dropIdle(keep: number, idleMs = Infinity): Promise<void> {
    return this.copies.dropIdle(keep, idleMs)
  }

  /**
   * Reads the memory of every copy and throws away what is not as it was made. Seals keep everybody from writing to it:
   * this finds what a kernel's mistake or a bad chip did.
   */
  async check(): Promise<void> {
    for (const copy of this.copies.list()) {
      const now = await memoryDigest(holderPath(copy.holder)).catch(() => null)
      // Null: let go meanwhile.
      if (now === null || now === copy.pristine.digests.memory) continue
      this.options.log?.error({ copy: copy.copy, template: copy.pristine.key }, "a template's memory is not as it was made: it is not used any more, and pods that run from it should be started anew; look for bad memory in this machine")
      await this.copies.forget(copy)
    }
  }

  /**
   * Stops what is being made and drops what no VM uses. Copies with VMs stay for the next run of the agent, unless
   * `dropAll`: VMs keep what they have mapped.
   */
  async close({ dropAll = false } = {}): Promise<void> {
    this.ended.abort(new VmError('the template store is closed'))
    await this.makingPristine.settled()
    await this.renewing.settled()
    await this.makingCopy.settled()
    await this.copies.forgetWhere((copy) => dropAll || copy.leases === 0)
  }

  private async throwAway(pristine: Pristine, altered: string): Promise<void> {
    // Renewed meanwhile, and swept.
    if (!this.pristine.isCurrent(pristine)) return
    this.options.log?.error({ template: pristine.key, altered }, 'a template is not as it was made: it is thrown away and made anew; look for a failing disk, or for who writes there')
    this.pristine.retire(pristine)
    await this.dropRetired()
  }

  /** Removes what new pods do not start from, as far as no VM runs from it. */
  private async dropRetired(): Promise<void> {
    await this.copies.forgetWhere((copy) => copy.leases === 0 && !this.pristine.isCurrent(copy.pristine))
    await this.pristine.sweep(() => new Set([...this.copies.templates(), ...[...this.readers].map(({ key }) => key)]))
  }

  /** Beside the start of the VM that waits for it: reading all of a template takes as long as half a start. */
  private async compare({ copy, pristine, holder }: CopyRecord): Promise<void> {
    const now = await memoryDigest(holderPath(holder)).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
    if (now === pristine.digests.memory) return
    const suspect = this.copies.get(copy)
    if (suspect) await this.copies.forget(suspect)
    // Memory that is short, a reader or a holder that was killed: nothing is known of the template then.
    if (now instanceof Error) {
      this.options.log?.warn({ err: now, template: pristine.key }, "a copy of a template's memory could not be compared with what was made, and was dropped: the template serves on")
      throw new VmError(`a copy of the template's memory could not be compared with what was made: ${now.message}`, { cause: now })
    }
    await this.throwAway(pristine, pristine.memory)
    throw new VmError("the template's memory was not as it had been made; another is made")
  }
}
