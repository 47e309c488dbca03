import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { Pristine } from './pristine'
import { endStrayHolders, holds, holdSealedCopy, letGo, MemoryHolder } from './sealed-memory'

/** `compared`: it is what was made. Without it the agent ended before that was known. */
export const CopyRecord = z.object({ copy: z.string(), pristine: Pristine, holder: MemoryHolder, compared: z.literal(true).optional() })
export type CopyRecord = z.infer<typeof CopyRecord>

/** Rejects where a copy is not what was made, or that cannot be known. */
export type Compare = (record: CopyRecord) => Promise<void>

/** `leases`: of VMs that run or start. `intact`: see TemplateLease. `marked`: the write under way that it was compared. */
export type Copy = CopyRecord & { leases: number; lastUse: number; idleSince: number; intact: Promise<void>; marked: Promise<void> }

/** The sealed copies of templates, by name. What holds them survives the agent and is found again. */
export class TemplateCopies {
  private readonly all = new Map<string, Copy>()
  private uses = 0

  /** `dir` is the store's, which no other agent of the machine has. */
  constructor(private readonly dir: string) {}

  /** Makes the folders and takes up the copies of an earlier run; those that it did not compare are compared now. */
  async open(compare: Compare): Promise<void> {
    await rm(this.drafts, { recursive: true, force: true })
    for (const folder of [this.folder, this.drafts]) await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.folder)) {
      const file = join(this.folder, name)
      const record = parseRecord(await readFile(file, 'utf8'))
      if (record && (await holds(record.holder))) this.take(record, compare)
      else await rm(file, { force: true })
    }
    await endStrayHolders(this.nameTag, new Set(this.list().map((copy) => copy.holder.process.pid)))
  }

  get(name: string): Copy | undefined {
    return this.all.get(name)
  }

  list(): Copy[] {
    return [...this.all.values()]
  }

  /** The templates that copies are of, by key. */
  templates(): Set<string> {
    return new Set(this.list().map((copy) => copy.pristine.key))
  }

  /** Copies a template's memory unless there is such a copy. `compare` looks whether it is what was made. Throws VmError with the cause. */
  async make(name: string, pristine: Pristine, compare: Compare): Promise<void> {
    if (this.all.has(name)) return
    const holder = await holdSealedCopy(pristine.memory, `${this.nameTag}-${name}`, this.recordFile(name))
    const record = { copy: name, pristine, holder }
    await writeFile(this.recordFile(name), JSON.stringify(record), { mode: 0o600 }).catch(async (error: unknown) => {
      await letGo(holder)
      throw error
    })
    this.take(record, compare)
  }

  private take(record: CopyRecord, compare: Compare): void {
    const copy: Copy = { ...record, intact: Promise.resolve(), marked: Promise.resolve(), leases: 0, lastUse: this.nextUse(), idleSince: performance.now() }
    this.all.set(record.copy, copy)
    if (record.compared) return
    copy.intact = compare(record).then(() => (copy.marked = this.mark(copy, { ...record, compared: true })))
    copy.intact.catch(() => {})
  }

  /** For the next run of the agent. Where it cannot be written, that one compares the copy once more. */
  private async mark(copy: Copy, record: CopyRecord): Promise<void> {
    if (this.all.get(copy.copy) !== copy) return
    const draft = join(this.drafts, copy.copy)
    await writeFile(draft, JSON.stringify(record), { mode: 0o600 }).then(() => rename(draft, this.recordFile(copy.copy))).catch(() => {})
  }

  /** A VM does not use it any more. */
  giveBack(copy: Copy): void {
    copy.leases -= 1
    copy.lastUse = this.nextUse()
    copy.idleSince = performance.now()
  }

  /** Lets a copy go. VMs keep what they have mapped of it. */
  async forget(copy: Copy): Promise<void> {
    if (this.all.get(copy.copy) !== copy) return
    this.all.delete(copy.copy)
    await copy.marked
    await letGo(copy.holder)
    await rm(this.recordFile(copy.copy), { force: true })
  }

  async forgetWhere(unwanted: (copy: Copy) => boolean): Promise<void> {
    await Promise.all(this.list().filter(unwanted).map((copy) => this.forget(copy)))
  }

  /** Lets go the copies that no VM uses, but for the latest `keep`, and of those the ones unused for `idleMs`. */
  async dropIdle(keep: number, idleMs: number): Promise<void> {
    const idle = this.list().filter((copy) => copy.leases === 0).sort((a, b) => b.lastUse - a.lastUse)
    await Promise.all(idle.filter((copy, rank) => rank >= keep || performance.now() - copy.idleSince >= idleMs).map((copy) => this.forget(copy)))
  }

  /** A count, not a time: two uses are never equal. */
  private nextUse(): number {
    this.uses += 1
    return this.uses
  }

  /** Tells the holders of this store from those of another agent on the machine. */
  private get nameTag(): string {
    return createHash('sha256').update(resolve(this.dir)).digest('hex').slice(0, 12)
  }

  private get folder(): string {
    return join(this.dir, 'copies')
  }

  /** Beside the records, on the same file system. */
  private get drafts(): string {
    return join(this.dir, 'copies-drafts')
  }

  private recordFile(copy: string): string {
    return join(resolve(this.folder), `${copy}.json`)
  }
}

/** The name of a template's copy that one owner's VMs share. */
export function copyName(owner: string, key: string): string {
  return createHash('sha256').update(`${owner}\n${key}`).digest('hex').slice(0, 24)
}

function parseRecord(text: string): CopyRecord | undefined {
  try {
    return CopyRecord.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
