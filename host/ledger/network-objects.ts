import { createReadStream } from 'node:fs'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { networkObject, type NetworkMessage, type NetworkObject } from '@/contracts/host/v1/networks'
import type { Logger } from '@/platform/logger'
import { temporarySuffix, writeAtomically } from './atomic-file'

const fileName = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/
/** The first line of a file; each further one is an object. A file that is cut has fewer than it says. */
const head = z.object({ version: z.literal(2), objects: z.number().int() })
/** Lines are written together up to so many characters. */
const chunkCharacters = 1 << 20
/** Changes in so short a time are one write. */
const gatherMs = 200
const retryMs = 2_000

/**
 * One network's objects, and what of it is under way. `objects` null: they cannot be read any more. `restricts`: who waits until the objects of now are on
 * disk; `hurry` ends the wait for more changes.
 */
type Kept = { objects: readonly NetworkObject[] | null; writing: Promise<void> | null; changed: boolean; removed: boolean; restricts: (() => void)[]; hurry: AbortController }
const keptOf = (objects: readonly NetworkObject[] | null): Kept => ({ objects, writing: null, changed: false, removed: false, restricts: [], hurry: new AbortController() })

/**
 * What the server last said of each network with pods here: services, names, policies. Kept on disk too, one file of JSON lines a network (there
 * is no secret in it), so that an agent that starts without a server makes what was there before. That something was known and is lost is kept, too:
 * a network of which nobody knows what restricts it must not be open.
 */
export class NetworkObjects {
  private readonly networks = new Map<string, Kept>()
  /** Told since the last desired set: the set that names them comes after them. */
  private readonly early = new Set<string>()
  private readonly closing = new AbortController()
  /** Files that are on their way out. */
  private readonly removals = new Set<Promise<void>>()
  private constructor(
    private readonly folder: string,
    private readonly log: Pick<Logger, 'warn' | 'error'>,
  ) {}

  /** Opens the folder, making it where it is missing, and reads what is there. What cannot be read is lost until the server says it again. */
  static async open(folder: string, log: Pick<Logger, 'warn' | 'error'>): Promise<NetworkObjects> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const kept = new NetworkObjects(folder, log)
    for (const name of await readdir(folder)) {
      const networkId = fileName.exec(name)?.[1]
      if (networkId) await kept.read(networkId, join(folder, name))
      else if (name.endsWith(temporarySuffix)) await rm(join(folder, name), { force: true })
    }
    return kept
  }

  /** All networks that are known, each as the message that says all of it. */
  complete(): NetworkMessage[] {
    return [...this.networks].flatMap(([networkId, { objects }]) => (objects ? [{ kind: 'networkObjects', networkId, complete: true, set: [...objects], remove: [] }] : []))
  }

  /** The networks of which something was known that cannot be read any more. */
  lost(): string[] {
    return [...this.networks].flatMap(([networkId, { objects }]) => (objects ? [] : [networkId]))
  }

  of(networkId: string): readonly NetworkObject[] {
    return this.networks.get(networkId)?.objects ?? []
  }

  /**
   * Keeps all that is known of a network now. Where that restricts more than what was known, it is written at once, and this resolves when the next agent finds it, or
   * finds that it does not know: an older file never speaks for what is in force. Else it is written within a moment, together with what follows.
   */
  put(networkId: string, objects: readonly NetworkObject[], restricts: boolean): Promise<void> {
    return this.change(networkId, objects, restricts)
  }

  /** What is known of a network is not what is true: the next agent shall not take it for that. Resolves as {@link put}. */
  lose(networkId: string): Promise<void> {
    return this.change(networkId, null, true)
  }

  /** Forgets every network that is not `used`, but those told of since the last call. Returns which went. */
  keep(used: ReadonlySet<string>): string[] {
    const gone = [...this.networks.keys()].filter((id) => !used.has(id) && !this.early.has(id))
    this.early.clear()
    for (const id of gone) this.forget(id)
    return gone
  }

  /** Resolves when all that was taken is on disk, or could not be written, and what was forgotten is gone. */
  async close(): Promise<void> {
    this.closing.abort()
    await Promise.all([...[...this.networks.values()].map(({ writing }) => writing), ...this.removals])
  }

  private change(networkId: string, objects: readonly NetworkObject[] | null, restricts: boolean): Promise<void> {
    const kept = this.networks.get(networkId) ?? keptOf(objects)
    this.networks.set(networkId, kept)
    this.early.add(networkId)
    kept.objects = objects
    kept.changed = true
    const written = restricts ? new Promise<void>((resolve) => void kept.restricts.push(resolve)) : Promise.resolve()
    if (restricts) kept.hurry.abort()
    kept.writing ??= this.writeAll(networkId, kept)
    return written
  }

  private forget(networkId: string): void {
    const kept = this.networks.get(networkId)
    this.networks.delete(networkId)
    if (kept) kept.removed = true
    const removal = Promise.resolve(kept?.writing)
      .then(() => (this.networks.has(networkId) ? undefined : rm(this.path(networkId), { force: true })))
      .catch((error: unknown) => this.log.warn({ err: error, network: networkId }, 'what was kept of a network could not be removed'))
    this.removals.add(removal)
    void removal.finally(() => this.removals.delete(removal))
  }

  private async writeAll(networkId: string, kept: Kept): Promise<void> {
    let wait = gatherMs
    while (kept.changed && !kept.removed) {
      await delay(wait, undefined, { signal: AbortSignal.any([this.closing.signal, kept.hurry.signal]), ref: false }).catch(() => {})
      // Forgotten in the meantime, or taken up anew by another entry.
      if (kept.removed) break
      kept.changed = false
      kept.hurry = new AbortController()
      const waiting = kept.restricts.splice(0)
      const isWritten = await this.writeOnce(networkId, kept.objects, waiting.length > 0)
      for (const resolve of waiting) resolve()
      wait = isWritten ? gatherMs : retryMs
      kept.changed ||= !isWritten
      if (!isWritten && this.closing.signal.aborted) break
    }
    for (const resolve of kept.restricts.splice(0)) resolve()
    // At once: what is told from now on begins anew.
    kept.writing = null
  }

  private async writeOnce(networkId: string, objects: readonly NetworkObject[] | null, restricts: boolean): Promise<boolean> {
    try {
      await writeAtomically(this.folder, `${networkId}.json`, objects ? linesOf(objects) : '')
      return true
    } catch (error) {
      this.log.error({ err: error, network: networkId }, 'what a network holds could not be written; it is tried again')
      // An empty file needs no room on a full disk. It says that something is not known.
      if (restricts) await writeFile(this.path(networkId), '', { mode: 0o600 }).catch((empty: unknown) => this.log.error({ err: empty, network: networkId }, 'what was kept of a network is older than what is in force, and could not be emptied'))
      return false
    }
  }

  private async read(networkId: string, path: string): Promise<void> {
    const objects = await readObjects(path).catch((error: unknown) => this.log.warn({ err: error, file: path }, 'what was kept of a network cannot be read: its pods reach nothing until the server says it again'))
    this.networks.set(networkId, keptOf(objects ?? null))
    // Of nobody's making: a write would fail.
    if (!objects && !(await stat(path)).isFile()) await rm(path, { recursive: true, force: true }).then(() => writeFile(path, '', { mode: 0o600 }))
  }

  private path(networkId: string): string {
    return join(this.folder, `${networkId}.json`)
  }
}

function* linesOf(objects: readonly NetworkObject[]): Generator<string> {
  let chunk = `${JSON.stringify({ version: 2, objects: objects.length })}\n`
  for (const object of objects) {
    chunk += `${JSON.stringify(object)}\n`
    if (chunk.length < chunkCharacters) continue
    yield chunk
    chunk = ''
  }
  yield chunk
}

/** Line by line: all of it may be longer than a text can be. Throws for a file that is not whole. */
async function readObjects(path: string): Promise<NetworkObject[]> {
  const objects: NetworkObject[] = []
  let count: number | null = null
  for await (const line of linesIn(path)) {
    const value: unknown = JSON.parse(line)
    if (count === null) count = head.parse(value).objects
    else objects.push(networkObject.parse(value))
  }
  if (objects.length !== count) throw new Error(count === null ? 'it is empty' : `it has ${objects.length} of ${count} objects`)
  return objects
}

async function* linesIn(path: string): AsyncGenerator<string> {
  let pieces: string[] = []
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: chunkCharacters }) as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n')
    pieces.push(first)
    for (const other of others) {
      yield pieces.join('')
      pieces = [other]
    }
  }
  // What follows the last end of a line broke off.
  if (pieces.join('') !== '') throw new Error('its last line is cut')
}
