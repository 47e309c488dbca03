import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, temporarySuffix, writeAtomically } from './atomic-file'
import { ledgerEntry, type LedgerEntry } from './entry'

const fileName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/
const suffix = '.json'
/** Far more than the largest pod's entry: what is larger is none, and is not read into memory. */
const maxEntryBytes = 64 << 20
const retryMs = 2_000

/** A file of the ledger that is no entry, kept aside as `file`; `cause` says why, for the pod's tenant. */
export type BrokenEntry = { podUid: string; file: string; cause: string }
export type LoadedLedger = { entries: LedgerEntry[]; broken: BrokenEntry[] }

/** Who hears of writes: that one failed, which is tried again, and that all that was saved is on disk again. */
export type LedgerListener = { failed: (podUid: string, error: unknown) => void; recovered: () => void }

/** `removed`: nothing is written any more, whatever becomes of the write under way. */
type Queue = { next: LedgerEntry | null; running: Promise<void> | null; retry: NodeJS.Timeout | undefined; removed: boolean }

/**
 * One JSON file a pod (mode 0600). A write goes to a file beside it, is synced and renamed over the old one, so that a
 * crash leaves the old entry or the new one. Writes of one pod follow each other; one that waits is replaced by a newer.
 * What could not be written, as on a full disk, is tried again until it is.
 */
export class Ledger {
  private readonly queues = new Map<string, Queue>()
  private readonly unwritten = new Set<string>()
  private closed = false
  private constructor(
    private readonly folder: string,
    private readonly listener: LedgerListener,
    private readonly retryAfterMs: number,
  ) {}

  /** Opens the folder, making it where it is missing. */
  static async open(folder: string, listener: LedgerListener, retryAfterMs = retryMs): Promise<Ledger> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new Ledger(folder, listener, retryAfterMs)
  }

  /** Reads all entries and removes what interrupted writes left. */
  async load(): Promise<LoadedLedger> {
    const loaded: LoadedLedger = { entries: [], broken: [] }
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name)
      if (name.endsWith(temporarySuffix)) await rm(path, { force: true })
      else if (fileName.test(name)) await this.read(path, name, loaded)
    }
    return loaded
  }

  private async read(path: string, name: string, loaded: LoadedLedger): Promise<void> {
    const podUid = name.slice(0, -suffix.length)
    const found = await readEntry(path)
    if ('entry' in found && found.entry.assignment.uid === podUid) loaded.entries.push(found.entry)
    else {
      const file = `${name}.broken`
      await rm(join(this.folder, file), { recursive: true, force: true })
      await rename(path, join(this.folder, file))
      loaded.broken.push({ podUid, file, cause: 'cause' in found ? found.cause : "it is another pod's" })
    }
  }

  /** Writes the entry soon; the promise is settled when it, or a newer one of the pod, is on disk, or could not be written. */
  save(entry: LedgerEntry): Promise<void> {
    const uid = entry.assignment.uid
    const queue = this.queues.get(uid) ?? { next: null, running: null, retry: undefined, removed: false }
    this.queues.set(uid, queue)
    queue.next = entry
    return this.drain(uid, queue)
  }

  /** Removes the entry, after the write that is under way, with what was kept aside of the pod. */
  async remove(uid: string): Promise<void> {
    const queue = this.queues.get(uid)
    if (queue) Object.assign(queue, { next: null, removed: true })
    clearTimeout(queue?.retry)
    await queue?.running
    this.queues.delete(uid)
    for (const end of ['', '.broken']) await rm(join(this.folder, `${uid}${suffix}${end}`), { recursive: true, force: true })
    await syncFolder(this.folder)
    this.wrote(uid)
  }

  /** Resolves when all that was saved is on disk, or could not be written. */
  async settled(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.running))
  }

  /** Resolves when nothing is written any more. What could not be written is not tried again. */
  async close(): Promise<void> {
    this.closed = true
    for (const queue of this.queues.values()) clearTimeout(queue.retry)
    await this.settled()
  }

  private drain(uid: string, queue: Queue): Promise<void> {
    clearTimeout(queue.retry)
    queue.running ??= this.writeAll(uid, queue).finally(() => {
      queue.running = null
      if (queue.next && !this.closed) queue.retry = setTimeout(() => void this.drain(uid, queue), this.retryAfterMs).unref()
      else if (!queue.next) this.queues.delete(uid)
    })
    return queue.running
  }

  private async writeAll(uid: string, queue: Queue): Promise<void> {
    // The text is made from the entry as it is when its turn comes, not when it was handed in.
    await Promise.resolve()
    while (queue.next) {
      const entry = queue.next
      queue.next = null
      try {
        await writeAtomically(this.folder, `${uid}${suffix}`, JSON.stringify(entry))
        this.wrote(uid)
      } catch (error) {
        if (queue.removed) return
        queue.next ??= entry
        this.unwritten.add(uid)
        this.listener.failed(uid, error)
        return
      }
    }
  }

  private wrote(uid: string): void {
    if (this.unwritten.delete(uid) && this.unwritten.size === 0) this.listener.recovered()
  }
}

const anyVersion = z.looseObject({ version: z.number().int().min(2) })

async function readEntry(path: string): Promise<{ entry: LedgerEntry } | { cause: string }> {
  const file = await stat(path)
  if (!file.isFile()) return { cause: 'it is no file' }
  if (file.size > maxEntryBytes) return { cause: 'it is larger than any entry' }
  // A part of the disk that cannot be read costs its own pod alone.
  const value = parseJson(await readFile(path, 'utf8').catch(() => ''))
  const entry = ledgerEntry.safeParse(value)
  if (entry.success) return { entry: entry.data }
  if (anyVersion.safeParse(value).success) return { cause: 'a newer version of the host agent has written it' }
  return { cause: 'it is damaged' }
}

function parseJson(text: string): unknown {
  try {
    return z.unknown().parse(JSON.parse(text))
  } catch {
    return null
  }
}
