import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ledgerEntry, type LedgerEntry } from './entry'

const fileName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/

/** What {@link Ledger.load} found: `broken` names the files that are no entries; they are kept aside under that name. */
export type LoadedLedger = { entries: LedgerEntry[]; broken: string[] }

/**
 * One JSON file a pod (mode 0600). A write goes to a file beside it, is synced and renamed over the old one, so that a
 * crash leaves the old entry or the new one. Writes of one pod follow each other; one that waits is replaced by a newer.
 */
export class Ledger {
  private readonly queues = new Map<string, { next: LedgerEntry | null; running: Promise<void> }>()
  private constructor(
    private readonly folder: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Opens the folder, making it where it is missing. `onError` hears of writes that failed. */
  static async open(folder: string, onError: (error: unknown) => void): Promise<Ledger> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new Ledger(folder, onError)
  }

  /** Reads all entries and removes what interrupted writes left. */
  async load(): Promise<LoadedLedger> {
    const loaded: LoadedLedger = { entries: [], broken: [] }
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name)
      if (name.endsWith('.tmp')) await rm(path, { force: true })
      else if (fileName.test(name)) await this.read(path, name, loaded)
    }
    return loaded
  }

  private async read(path: string, name: string, loaded: LoadedLedger): Promise<void> {
    const entry = ledgerEntry.safeParse(parseJson(await readFile(path, 'utf8')))
    if (entry.success && `${entry.data.assignment.uid}.json` === name) loaded.entries.push(entry.data)
    else {
      await rename(path, `${path}.broken`)
      loaded.broken.push(`${name}.broken`)
    }
  }

  /** Writes the entry soon; the promise is settled when it, or a newer one of the pod, is on disk. */
  save(entry: LedgerEntry): Promise<void> {
    const uid = entry.assignment.uid
    const queue = this.queues.get(uid)
    if (queue) {
      queue.next = entry
      return queue.running
    }
    const started = { next: entry as LedgerEntry | null, running: Promise.resolve() }
    this.queues.set(uid, started)
    started.running = this.drain(uid, started)
    return started.running
  }

  /** Removes the entry, after the write that is under way. */
  async remove(uid: string): Promise<void> {
    const queue = this.queues.get(uid)
    if (queue) queue.next = null
    await queue?.running
    await rm(join(this.folder, `${uid}.json`), { force: true })
    await this.syncFolder()
  }

  /** Resolves when all that was saved is on disk. */
  async settled(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.running))
  }

  private async drain(uid: string, queue: { next: LedgerEntry | null }): Promise<void> {
    // The text is made from the entry as it is when its turn comes, not when it was handed in.
    await Promise.resolve()
    try {
      while (queue.next) {
        const entry = queue.next
        queue.next = null
        await this.write(uid, JSON.stringify(entry))
      }
    } catch (error) {
      this.onError(error)
    } finally {
      this.queues.delete(uid)
    }
  }

  private async write(uid: string, text: string): Promise<void> {
    const path = join(this.folder, `${uid}.json`)
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await this.syncFolder()
  }

  private async syncFolder(): Promise<void> {
    const folder = await open(this.folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return z.unknown().parse(JSON.parse(text))
  } catch {
    return null
  }
}
