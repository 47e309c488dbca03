import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import { VolumeError } from '../store'

export const markName = 'store.json'
/** `storeUid`, `name`: of the store, as the server has it. `id`: of this folder, random. */
const markFile = z.object({ version: z.literal(1), storeUid: z.uuid(), name: z.string().max(63), id: z.uuid() })
type Mark = z.infer<typeof markFile>

/** What a host knows of a store from before. `seen`: the id that it had in the folder last; `file`: where that is written down, for the operator. `hasVolumes`: volumes were made in it, by the server's word or this host's. */
export type StoreIdentity = { uid: string; seen: () => Promise<string | null>; remember: (id: string) => Promise<void>; file: string; hasVolumes: () => boolean }

/**
 * Which store a folder holds: its file store.json says so. A folder on which nothing is mounted, or something else, looks like an empty store: volumes would be made where the next mount hides them, those that are
 * missing be called lost, and a removal would succeed on nothing (docs/adr/0062).
 */
export class StoreMark {
  private constructor(
    private readonly root: string,
    private readonly name: string,
    private readonly identity: StoreIdentity,
    private readonly id: string | null,
  ) {}

  /**
   * Before anything else is made in the folder, which has answered just now: it has a mark, and this host has written down which, when it resolves. A folder without one is given one where it has volumes, or where nobody knows of any in the store; of
   * several hosts at once one makes it. A disk that takes no file (full, read-only) is used without, for its tenants could free nothing else. Throws `Unreachable` where another store lies there, or none any more.
   */
  static async settle(root: string, name: string, identity: StoreIdentity): Promise<StoreMark> {
    const seen = await identity.seen()
    const mark = new StoreMark(root, name, identity, seen)
    const found = await mark.read()
    if (found) mark.require(found)
    else if (seen !== null) throw mark.missing(seen)
    else if (identity.hasVolumes() && !(await holdsAny(root))) throw mark.missing(randomUUID())
    let id = found?.id ?? null
    try {
      id ??= (await mark.make()).id
      if (id !== seen) await identity.remember(id)
    } catch (error) {
      if (!hasCode(error, ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'])) throw error
    }
    return new StoreMark(root, name, identity, id)
  }

  /** By this process: of a folder that has answered a moment ago. Throws `Unreachable` where the store lies there no more. */
  async check(): Promise<void> {
    if (this.id !== null) this.require(await this.read())
  }

  /** @param text what stands in the folder's mark by somebody who has read it; null: it has none */
  checkText(text: string | null): void {
    if (this.id !== null) this.require(text === null ? null : this.parse(text))
  }

  /** The folder is another store's from now on, where it has nothing of this one. */
  async retire(): Promise<void> {
    if (this.id !== null && (await this.read())?.id === this.id && !(await holdsAny(this.root))) await rm(join(this.root, markName), { force: true })
  }

  private require(found: Mark | null): void {
    const { root, name, id, identity } = this
    if (found === null) throw this.missing(id ?? randomUUID())
    if (found.storeUid !== identity.uid) throw this.away(`The folder ${root} of the store ${name} holds another store, "${found.name}" (${found.storeUid}). Mount the right one on this host: it is used by itself then. Where that other store is given up, remove ${join(root, markName)}.`)
    if (id !== null && found.id !== id) throw this.away(`The folder ${root} holds another folder of the store ${name} than this host had there: its ${markName} has the id ${found.id}, and not ${id}. Mount the right one on this host: it is used again by itself then. Where the one that is there shall take its place, remove ${identity.file} on this host.`)
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
      await link(join(root, draft), join(root, markName)).catch((error: unknown) => {
        if (!hasCode(error, ['EEXIST'])) throw error
      })
    } finally {
      await rm(join(root, draft), { force: true })
    }
    await syncFolder(root)
    const made = await this.read()
    this.require(made)
    if (!made) throw this.missing(randomUUID())
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
