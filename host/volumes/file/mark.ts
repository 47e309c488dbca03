import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import { VolumeError } from '../store'

export const markName = 'store.json'
/** `storeUid`, `name`: of the store, as the server has it. `id`: of this folder, random. */
const markFile = z.object({ version: z.literal(1), storeUid: z.uuid(), name: z.string().max(63), id: z.uuid() })
type Mark = z.infer<typeof markFile>

/** What a host knows of a store from before. `seen`: the id that it had in the folder last; `file`: where that is written down, for the operator. `hasVolumes`: volumes were made in it, by the server's word or this host's. `isTold`: who would know of volumes that other hosts have made in it has said whether there are any. */
export type StoreIdentity = { uid: string; seen: () => Promise<string | null>; remember: (id: string) => Promise<void>; file: string; hasVolumes: () => boolean; isTold: () => boolean }

/** What a disk says on which no file can be made now, and a file system that knows no hard links. */
const takesNone = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Which store a folder holds: its file store.json says so. A folder on which nothing is mounted, or something else, looks like an empty store: volumes would be made where the next mount hides them, those that are
 * missing be called lost, and a removal would succeed on nothing (docs/adr/0062).
 */
export class StoreMark {
  /** Null: the folder is used without a mark. */
  private id: string | null = null
  /** The folder had no mark, and nobody had said whether it is a new store: that is looked at again with each call. */
  private waits = false

  private constructor(
    private readonly root: string,
    private readonly name: string,
    private readonly identity: StoreIdentity,
  ) {}

  /**
   * Before anything else is made in the folder, which has answered just now: it has a mark, and this host has written down which, when it resolves. A folder without one is given one where it has volumes, or where nobody knows of any in the store; of
   * several hosts at once one makes it. It is used without for as long as nobody has said whether there are any, and on a disk that takes no file (full, read-only), for its tenants could free nothing else. Throws `Unreachable` where another store lies
   * there, or none any more.
   */
  static async settle(root: string, name: string, identity: StoreIdentity): Promise<StoreMark> {
    const mark = new StoreMark(root, name, identity)
    await mark.take()
    return mark
  }

  /** By this process: of a folder that has answered a moment ago. Throws `Unreachable` where the store lies there no more. */
  async check(): Promise<void> {
    if (this.waits) await this.take()
    else if (this.id !== null) await this.confirm(await this.read(), this.id)
  }

  /** @param text what stands in the folder's mark by somebody who has read it a moment ago; null: it has none */
  async checkText(text: string | null): Promise<void> {
    if (this.waits) await this.take()
    else if (this.id !== null) await this.confirm(text === null ? null : this.parse(text), this.id)
  }

  /** The folder is another store's from now on, where it has nothing of this one. */
  async retire(): Promise<void> {
    const { root, id } = this
    if (id === null || (await this.read())?.id !== id || (await holdsAny(root))) return
    // Another host may have done so meanwhile, and given it to another store.
    const draft = join(root, `${markName}.${randomUUID()}`)
    await rename(join(root, markName), draft).catch(unlessMissing)
    const taken = await readFile(draft, 'utf8').catch(unlessMissing)
    if (taken?.includes(id) === false) await link(draft, join(root, markName)).catch(unlessThere)
    await rm(draft, { force: true })
  }

  private async take(): Promise<void> {
    const { root, identity } = this
    const seen = await identity.seen()
    const found = await this.read()
    if (found) this.require(found)
    else if (seen !== null) throw this.missing(seen)
    else if (identity.hasVolumes() && !(await holdsAny(root))) throw this.missing(randomUUID())
    if (found && seen !== null) return this.confirm(found, seen)
    if (!found && !identity.isTold()) {
      this.waits = true
      return
    }
    try {
      this.id = (found ?? (await this.make())).id
      await identity.remember(this.id)
    } catch (error) {
      if (!hasCode(error, takesNone)) throw error
    }
    this.waits = false
  }

  /** The folder has to be the one with this id; an operator who has the host forget that gives the store the one that is there. */
  private async confirm(found: Mark | null, id: string): Promise<void> {
    if (found === null) throw this.missing(id)
    this.require(found)
    if (found.id !== id) {
      if ((await this.identity.seen()) !== null) throw this.away(`The folder ${this.root} holds another folder of the store ${this.name} than this host had there: its ${markName} has the id ${found.id}, and not ${id}. Mount the right one on this host: it is used again by itself then. Where the one that is there shall take its place, remove ${this.identity.file} on this host.`)
      await this.identity.remember(found.id)
    }
    this.id = found.id
    this.waits = false
  }

  private require(found: Mark): void {
    const { root, name, identity } = this
    if (found.storeUid !== identity.uid) throw this.away(`The folder ${root} of the store ${name} holds another store, "${found.name}" (${found.storeUid}). Mount the right one on this host: it is used by itself then. Where that other store is given up, remove ${join(root, markName)}.`)
  }

  private missing(id: string): VolumeError {
    const { root, name } = this
    return this.away(`The folder ${root} of the store ${name} does not have the store's mark, ${markName}: is it mounted? Mount it on this host: it is used by itself then, and nothing is made or removed there before. Where its files were brought there by hand, or are given up, write ${this.text(id)} into ${join(root, markName)}.`)
  }

  private away(message: string, cause?: unknown): VolumeError {
    return new VolumeError('Unreachable', this.name, message, { cause })
  }

  private text(id: string): string {
    return JSON.stringify({ version: 1, storeUid: this.identity.uid, name: this.name, id } satisfies Mark)
  }

  private parse(text: string): Mark {
    try {
      return markFile.parse(JSON.parse(text))
    } catch (error) {
      throw this.unreadable(error)
    }
  }

  private unreadable(cause: unknown): VolumeError {
    return this.away(`It cannot be said which store lies in the folder ${this.root} of the store ${this.name}: ${join(this.root, markName)} cannot be read. Look at the disk, and at that file.`, cause)
  }

  private async read(): Promise<Mark | null> {
    const text = await readFile(join(this.root, markName), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return null
      throw this.unreadable(error)
    })
    return text === null ? null : this.parse(text)
  }

  /** Whole or not at all, and never over another host's: a link to a name that is there fails. */
  private async make(): Promise<Mark> {
    const { root } = this
    await mkdir(root, { recursive: true, mode: 0o700 })
    const draft = `${markName}.${randomUUID()}`
    try {
      await writeAtomically(root, draft, `${this.text(randomUUID())}\n`)
      await link(join(root, draft), join(root, markName)).catch(unlessThere)
    } finally {
      await rm(join(root, draft), { force: true })
    }
    await syncFolder(root)
    const made = await this.read()
    if (!made) throw this.missing(randomUUID())
    this.require(made)
    return made
  }
}

/** What is found, made and removed counts where the store was there before and after: a folder that was unmounted meanwhile has none of it. Whoever has its lock open keeps it mounted, unless that is done by force. */
export async function whileThere<T>(mark: StoreMark | null, work: () => Promise<T>): Promise<T> {
  await mark?.check()
  try {
    return await work()
  } finally {
    await mark?.check()
  }
}

/** Volumes or snapshots, whole or not. */
async function holdsAny(root: string): Promise<boolean> {
  const names = await Promise.all(['volumes', 'snapshots'].map((kind) => readdir(join(root, kind)).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })))
  return names.flat().some((name) => z.uuid().safeParse(name).success)
}

const hasCode = (error: unknown, codes: readonly string[]): boolean => error instanceof Error && 'code' in error && codes.includes(String(error.code))
const isMissing = (error: unknown): boolean => hasCode(error, ['ENOENT', 'ENOTDIR'])
const unlessThere = (error: unknown): void => {
  if (!hasCode(error, ['EEXIST'])) throw error
}
const unlessMissing = (error: unknown): void => {
  if (!isMissing(error)) throw error
}
