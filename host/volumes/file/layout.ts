import { randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { temporarySuffix, syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import { VolumeError } from '../store'
import { asVolumeError } from '../tools/failures'
import { stillLocked } from './store-lock'

/**
 * How many files a chain may have: each is opened, locked and kept in QEMU's memory, and a read of what was never written asks all of them.
 * A snapshot has one fewer, for a clone needs one more.
 */
export const maxLayers = 16

const uid = z.uuid()
/** A layer's number in base 36: short enough for the name of a node of QEMU, never given twice in a volume. */
const layerId = z.string().regex(/^[0-9a-z]{1,5}$/)
const size = z.number().int().min(1).max(2 ** 46)
/** What a record may name at most, of whichever version wrote it. */
export const mostLayers = 64
const layers = z.array(layerId).min(1).max(mostLayers)

/**
 * What volume.json says. `layers`: top first, each over the next; no header of a file has a say in it. `next`: the number of the layer that comes next. `inherited`: how
 * many of the lowest came with the snapshot that the volume is a clone of. `pending`: a snapshot that was prepared, whose overlay is the top layer.
 */
const volumeFile = z.object({ version: z.literal(1), uid, sizeBytes: size, layers, next: z.number().int().min(1).max(36 ** 5), inherited: z.number().int().min(0), pending: z.object({ snapshotUid: uid, overlay: layerId }).nullable() })
const snapshotFile = z.object({ version: z.literal(1), uid, volumeUid: uid, sizeBytes: size, layers, next: z.number().int().min(1).max(36 ** 5), inherited: z.number().int().min(0) })
export type VolumeRecord = z.infer<typeof volumeFile>
export type SnapshotRecord = z.infer<typeof snapshotFile>

export const layerName = (id: string): string => `${id}.qcow2`
export const idOf = (number: number): string => number.toString(36)

export const trashOf = (root: string): string => join(root, 'trash')

/** Takes a file or folder away, where it is. Bytes for which nobody else has a name come into the store's trash, for the file system may take long to free them, and others wait for the store meanwhile. */
export async function toss(root: string, path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing)
  if (!found) return
  // Its other names say how often a layer is needed: one in the trash would count.
  if (found.isFile() && found.nlink > 1) return rm(path, { force: true })
  if (found.isDirectory()) for (const name of await readdir(path, { recursive: true })) await rmShared(join(path, name))
  await rename(path, join(trashOf(root), randomUUID())).catch(unlessMissing)
}

async function rmShared(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing)
  if (found?.isFile() && found.nlink > 1) await rm(path, { force: true })
}

const hasCode = (error: unknown, codes: readonly string[]): boolean => error instanceof Error && 'code' in error && codes.includes(String(error.code))

function unlessMissing(error: unknown): undefined {
  if (hasCode(error, ['ENOENT'])) return undefined
  throw error
}

/** The file system's word that nothing has this name. Each other error leaves open what is there: nothing is taken away on the strength of one. */
const isNowhere = (error: unknown): boolean => hasCode(error, ['ENOENT', 'ENOTDIR'])
/** The name is there, and what it stands for is broken: waiting for the disk would not mend it. */
const isBroken = (error: unknown): boolean => hasCode(error, ['ELOOP', 'EISDIR', 'EUCLEAN', 'EBADMSG'])

/** The folder of a volume or of a snapshot: its layers, and a record without which it is none. */
export class Folder<R extends { layers: string[] }> {
  constructor(
    readonly path: string,
    private readonly uid: string,
    private readonly recordName: string,
    private readonly schema: z.ZodType<R>,
  ) {}

  private get root(): string {
    return join(this.path, '..', '..')
  }

  layer(id: string): string {
    return join(this.path, layerName(id))
  }

  /** Null: there is none, or it was never finished. Throws `Damaged` for a record that cannot be read. */
  async read(): Promise<R | null> {
    const text = await readFile(join(this.path, this.recordName), 'utf8').catch((error: unknown) => {
      if (isNowhere(error)) return null
      throw isBroken(error) ? this.damaged(error) : asVolumeError(this.uid, error)
    })
    if (text === null) return null
    try {
      return this.schema.parse(JSON.parse(text))
    } catch (error) {
      throw this.damaged(error)
    }
  }

  private damaged(cause: unknown): VolumeError {
    return new VolumeError('Damaged', this.uid, `What the store knows of ${this.uid} cannot be read. Ask the operator to look at its record in the store's folder; restore from a snapshot meanwhile.`, { cause })
  }

  /** When its record was written, in ISO 8601: of a snapshot, when that was there. Null: there is none. */
  async writtenAt(): Promise<string | null> {
    const found = await stat(join(this.path, this.recordName)).catch(unlessMissing)
    return found?.mtime.toISOString() ?? null
  }

  /** On disk when it resolves, whole or not at all. */
  async write(record: R): Promise<void> {
    stillLocked()
    return writeAtomically(this.path, this.recordName, `${JSON.stringify(this.schema.parse(record))}\n`)
  }

  /** An empty folder, whatever was begun there before: of what has no record yet. */
  async make(): Promise<void> {
    stillLocked()
    await toss(this.root, this.path)
    await mkdir(this.path, { mode: 0o700 })
  }

  /** Gives this folder a layer of another one: a name more for the same file, in place of what had that name here. */
  async adopt(id: string, from: string): Promise<void> {
    const temporary = `${this.layer(id)}${temporarySuffix}`
    await rm(temporary, { force: true })
    await link(from, temporary)
    stillLocked()
    await rename(temporary, this.layer(id))
    // Renaming one name of a file over another one does nothing.
    await rm(temporary, { force: true })
  }

  /** Removes what its record, with these layers, does not name: what calls that were cut off have left. */
  async tidy(layers: readonly string[]): Promise<void> {
    stillLocked()
    const kept = new Set([this.recordName, ...layers.map(layerName)])
    for (const name of await readdir(this.path)) if (!kept.has(name) && !name.startsWith(claimPrefix)) await toss(this.root, join(this.path, name))
    await syncFolder(this.path)
  }

  /** Removes layers that its record does not name any more. */
  async drop(layers: readonly string[]): Promise<void> {
    stillLocked()
    for (const id of layers) await toss(this.root, this.layer(id))
    await syncFolder(this.path)
  }

  /** The record goes first, and durably: what is left without one is nobody's. With `to`, its files go to that place, where they may take their time to be removed. */
  async remove(step: (name: string) => void | Promise<void> = () => {}, to: string | null = null): Promise<void> {
    stillLocked()
    const record = await rm(join(this.path, this.recordName)).then(() => true, (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
      throw error
    })
    if (record) {
      await syncFolder(this.path)
      await step('the record is gone')
    }
    if (to === null) await rm(this.path, { recursive: true, force: true })
    else await rename(this.path, to).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    })
    await syncFolder(join(this.path, '..'))
  }

  /** Bytes on disk of the layers that nobody else has a name for. `top`: with the uppermost, whoever else has it: a snapshot froze that one, and keeps it when its volume's bytes there are written over. */
  async ownBytes(layers: readonly string[], top = false): Promise<number> {
    const all = await Promise.all(layers.map((id) => stat(this.layer(id))))
    return all.filter(({ nlink }, i) => nlink === 1 || (top && i === 0)).reduce((sum, { blocks }) => sum + blocks * 512, 0)
  }
}

/** A claim is an empty file with the epoch in its name, so that of two hosts at one folder the higher one wins without either writing over the other. */
const claimPrefix = 'claim-'
const claimName = /^claim-(\d{1,16})$/

export class VolumeFolder extends Folder<VolumeRecord> {
  constructor(root: string, volumeUid: string) {
    super(join(root, 'volumes', z.uuid().parse(volumeUid)), volumeUid, 'volume.json', volumeFile)
  }

  /** The highest epoch under which it was ever claimed; 0: never. */
  async epoch(): Promise<number> {
    return Math.max(0, ...(await readdir(this.path)).map((name) => Number(claimName.exec(name)?.[1] ?? 0)))
  }

  /** Writes a claim down; on disk when it resolves. Lower ones go. */
  async writeEpoch(epoch: number): Promise<void> {
    await (await open(join(this.path, `${claimPrefix}${epoch}`), 'a', 0o600)).close()
    await syncFolder(this.path)
    for (const name of await readdir(this.path)) {
      const other = claimName.exec(name)?.[1]
      if (other !== undefined && Number(other) < epoch) await rm(join(this.path, name), { force: true })
    }
  }
}

export class SnapshotFolder extends Folder<SnapshotRecord> {
  constructor(root: string, snapshotUid: string) {
    super(join(root, 'snapshots', z.uuid().parse(snapshotUid)), snapshotUid, 'snapshot.json', snapshotFile)
  }
}

/** What of a folder of the store's is named as all that it makes there is; where somebody has put another store into it, or anything else, that is none of its. */
export async function ownNames(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => uid.safeParse(name).success)
  // A store of a host's own folder is named so, too.
  const isStore = await Promise.all(names.map((name) => lstat(join(folder, name, 'volumes')).then((found) => found.isDirectory(), (error: unknown) => !isNowhere(error))))
  return names.filter((_, i) => !isStore[i])
}

/** Names of folders of a store that have a record, or of which it cannot be said that they have none: all that is there may be whole but that. */
export async function recorded(root: string, kind: 'volumes' | 'snapshots'): Promise<string[]> {
  const names = (await readdir(join(root, kind))).filter((name) => uid.safeParse(name).success)
  const found = await Promise.all(names.map((name) => stat(join(root, kind, name, kind === 'volumes' ? 'volume.json' : 'snapshot.json')).then(() => name, (error: unknown) => (isNowhere(error) ? null : name))))
  return found.filter((name) => name !== null).sort()
}

/** The record of a volume that may have this size now. */
export function growable(record: VolumeRecord, sizeBytes: number): VolumeRecord {
  const { uid } = record
  if (sizeBytes < record.sizeBytes) throw new VolumeError('Conflict', uid, `Volume ${uid} has ${record.sizeBytes} bytes and is not made smaller: what lies beyond would be lost. Make a smaller volume, and copy.`)
  if (sizeBytes > record.sizeBytes && record.pending) throw new VolumeError('Conflict', uid, `A snapshot of volume ${uid} is being taken. It is grown after that.`)
  return record
}
