import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import { VolumeError } from '../store'
import { asVolumeError } from '../tools/failures'

export const markName = 'store.json'
const markFile = z.object({ version: z.literal(1), id: z.uuid() })
export const markText = (id: string): string => JSON.stringify({ version: 1, id } satisfies z.infer<typeof markFile>)

/** What a host knows of a store from before. `file`: where it has the mark written down, for the operator. `hasVolumes`: it knows volumes there. */
export type MarkMemory = { seen: () => Promise<string | null>; remember: (id: string) => Promise<void>; file: string; hasVolumes: () => boolean }

/** What lies in the folder is not the store that it was: nothing there is looked at, made or removed. */
export class OtherStoreError extends VolumeError {
  constructor(name: string, message: string, cause?: unknown) {
    super('Unreachable', name, message, { cause })
  }
}

/**
 * Which store a folder holds: its file store.json says so. A folder on which nothing is mounted, or something else, looks like an empty store: volumes would be made where they are hidden later, and those that are
 * missing be called lost (docs/adr/0065).
 */
export class StoreMark {
  private constructor(
    private readonly root: string,
    private readonly name: string,
    private readonly memory: MarkMemory | null,
    private readonly id: string | null,
  ) {}

  /** Before anything is made in the folder, which is made itself only where this host has seen no store there. Throws {@link OtherStoreError} where it has, and that is not there. */
  static async look(root: string, name: string, memory: MarkMemory | null): Promise<StoreMark> {
    const seen = (await memory?.seen()) ?? null
    const found = await readMark(root, name)
    if (seen !== null && found !== seen) throw unlike(root, name, { found, seen, file: memory?.file ?? null })
    if (found === null && memory?.hasVolumes() === true && !(await hasVolumes(root))) throw new OtherStoreError(name, `The folder ${root} of the store ${name} is empty, and this host has volumes in that store. Mount it there: it is opened by itself then. Where those volumes are given up, write ${markText(randomUUID())} into ${join(root, markName)}.`)
    if (found === null) await mkdir(root, { recursive: true, mode: 0o700 })
    return new StoreMark(root, name, memory, found)
  }

  /** The store has a mark, and this host remembers it, when it resolves: of several hosts at once one makes it. Where a disk is too full for that the store is used without: its tenants could free nothing else. */
  async settle(): Promise<StoreMark> {
    try {
      const id = this.id ?? (await makeMark(this.root, this.name))
      if (this.memory && (await this.memory.seen()) !== id) await this.memory.remember(id)
      return new StoreMark(this.root, this.name, this.memory, id)
    } catch (error) {
      const known = asVolumeError(this.name, error)
      if (known instanceof VolumeError && known.code === 'NoSpace') return this
      throw known
    }
  }

  /** Throws {@link OtherStoreError} where the store lies there no more: it was unmounted, or something else mounted over it. */
  async check(): Promise<void> {
    if (this.id === null) return
    const found = await readMark(this.root, this.name)
    if (found !== this.id) throw unlike(this.root, this.name, { found, seen: this.id, file: this.memory?.file ?? null })
  }
}

function unlike(root: string, name: string, { found, seen, file }: { found: string | null; seen: string; file: string | null }): OtherStoreError {
  const mount = 'Mount the store there: it is opened by itself then.'
  if (found === null) return new OtherStoreError(name, `The folder ${root} of the store ${name} does not hold the store that this host had there: ${markName} is missing. ${mount} Where its files were brought to that folder by hand, or are given up, write ${markText(seen)} into ${join(root, markName)}.`)
  return new OtherStoreError(name, `The folder ${root} of the store ${name} holds another store than this host had there: its ${markName} has the id ${found}, and not ${seen}. ${mount}${file === null ? '' : ` Where the one that is there shall take its place, remove ${file} on this host.`}`)
}

/** Null: there is none. */
async function readMark(root: string, name: string): Promise<string | null> {
  const path = join(root, markName)
  try {
    return markFile.parse(JSON.parse(await readFile(path, 'utf8'))).id
  } catch (error) {
    if (isMissing(error)) return null
    throw new OtherStoreError(name, `It cannot be said which store lies in the folder ${root} of the store ${name}: ${path} cannot be read. Ask the operator to look at its disk, and at that file.`, error)
  }
}

/** Whole or not at all, and never over another host's: a link to a name that is there fails. */
async function makeMark(root: string, name: string): Promise<string> {
  const draft = `${markName}.${randomUUID()}`
  try {
    await writeAtomically(root, draft, `${markText(randomUUID())}\n`)
    await link(join(root, draft), join(root, markName)).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  } finally {
    await rm(join(root, draft), { force: true })
  }
  await syncFolder(root)
  const id = await readMark(root, name)
  if (id === null) throw new OtherStoreError(name, `The mark of the store ${name} is gone from ${root} again, where it was made just now. Look at what is mounted there; it is tried again.`)
  return id
}

async function hasVolumes(root: string): Promise<boolean> {
  const names = await readdir(join(root, 'volumes')).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  return names.some((name) => z.uuid().safeParse(name).success)
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
