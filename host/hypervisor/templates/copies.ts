import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { Pristine } from './pristine'
import { endStrayHolders, holds, holdSealedCopy, letGo, MemoryHolder } from './sealed-memory'

const CopyRecord = z.object({ copy: z.string(), pristine: Pristine, holder: MemoryHolder })
export type CopyRecord = z.infer<typeof CopyRecord>

/** `leases`: of VMs that run or start. `intact`: see TemplateLease; one that an earlier run of the agent copied was compared then. */
export type Copy = CopyRecord & { leases: number; lastUse: number; idleSince: number; intact: Promise<void> }

/** The sealed copies of templates, by name. What holds them survives the agent and is found again. */
export class TemplateCopies {
  private readonly all = new Map<string, Copy>()
  private uses = 0

  /** `dir` is the store's, which no other agent of the machine has. */
  constructor(private readonly dir: string) {}

  /** Makes the folder and takes up the copies of an earlier run. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.folder)) {
      const file = join(this.folder, name)
      const record = parseRecord(await readFile(file, 'utf8'))
      if (record && (await holds(record.holder))) this.all.set(record.copy, this.idle(record, Promise.resolve()))
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
  async make(name: string, pristine: Pristine, compare: (record: CopyRecord) => Promise<void>): Promise<void> {
    if (this.all.has(name)) return
    const holder = await holdSealedCopy(pristine.memory, `${this.nameTag}-${name}`, this.recordFile(name))
    const record = { copy: name, pristine, holder }
    const intact = compare(record)
    intact.catch(() => {})
    this.all.set(name, this.idle(record, intact))
    await writeFile(this.recordFile(name), JSON.stringify(record), { mode: 0o600 })
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

  private idle(record: CopyRecord, intact: Promise<void>): Copy {
    return { ...record, intact, leases: 0, lastUse: this.nextUse(), idleSince: performance.now() }
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
