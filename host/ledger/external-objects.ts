import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { externalObject, type ExternalObject } from '@/contracts/host/v1/external'
import type { Logger } from '@/platform/logger'
import { Pauses } from '@/platform/pauses'
import { syncFolder, temporarySuffix, writeAtomically } from './atomic-file'

const head = z.object({ version: z.literal(1), objects: z.number().int() })
const heardState = z.object({ machineBoot: z.string(), uptimeMs: z.number() })
/** Changes in so short a time are one write, unless somebody waits for it. */
const gatherMs = 200
const retryMs = 2_000
const fileName = /^(addresses|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/

/** What lies in one file: a balancer with its servers, by its uid; or all pools and floating addresses. */
export const groupOf = (object: ExternalObject): string => (object.kind === 'balancer' ? object.uid : object.kind === 'backendServers' ? object.balancerUid : 'addresses')

/** When the server was heard of last, in milliseconds since the machine of that boot began. */
export type Heard = z.infer<typeof heardState>

/**
 * What the server last said of addresses of the outside and of balancers here. Kept on disk too, a file of JSON lines a balancer and one for the rest (there is no secret in
 * it: certificates are kept nowhere), so that an agent that starts without a server takes up what runs. What cannot be read is not known: nothing
 * answers for it until the server says it again, for it may have gone elsewhere.
 */
export class ExternalObjects {
  /** The groups of which the disk does not say what is known, each with the number of its last change. */
  private readonly changed = new Map<string, number>()
  private puts = 0
  /** Who waits for some changes of groups to be on disk. */
  private readonly waiting = new Set<{ changes: Map<string, number>; done: () => void }>()
  private readonly gathering = new Pauses()
  private readonly retries = new Pauses()
  private isClosing = false
  private writing: Promise<void> | null = null
  private heardWriting: Promise<void> | null = null
  private constructor(
    private readonly folder: string,
    private readonly log: Pick<Logger, 'warn' | 'error'>,
    private readonly groups: Map<string, readonly ExternalObject[]>,
    /** Null: it was not heard of, or by nobody who wrote it down. */
    readonly lastHeard: Heard | null,
  ) {}

  /** Opens the folder, making it where it is missing, and reads what is there. */
  static async open(folder: string, log: Pick<Logger, 'warn' | 'error'>): Promise<ExternalObjects> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const groups = new Map<string, readonly ExternalObject[]>()
    for (const name of await readdir(folder)) {
      const group = fileName.exec(name)?.[1]
      if (name.endsWith(temporarySuffix)) await rm(join(folder, name), { force: true })
      if (!group) continue
      try {
        groups.set(group, await readObjects(join(folder, name)))
      } catch (error) {
        log.error({ err: error, file: join(folder, name) }, 'what was kept of the outside cannot be read: this host answers for none of it until the server says it again')
        await rm(join(folder, name), { recursive: true, force: true })
      }
    }
    const heard = await readFile(join(folder, 'heard'), 'utf8').then((text) => heardState.safeParse(JSON.parse(text)).data, () => undefined).catch(() => undefined)
    return new ExternalObjects(folder, log, groups, heard ?? null)
  }

  /** All that is known. */
  all(): ExternalObject[] {
    return [...this.groups.values()].flat()
  }

  /** All that is known of a group now; nothing: it is forgotten. Written within a moment, together with what follows. */
  put(group: string, objects: readonly ExternalObject[]): void {
    if (objects.length === 0) this.groups.delete(group)
    else this.groups.set(group, objects)
    this.changed.set(group, (this.puts += 1))
    this.writing ??= this.writeAll()
  }

  /** Resolves when all that was put before is on disk, or that of some groups, whatever is put meanwhile and whichever others cannot be written. It is written at once. */
  written(groups: Iterable<string> = this.changed.keys()): Promise<void> {
    const changes = new Map([...groups].flatMap((group) => {
      const put = this.changed.get(group)
      return put === undefined ? [] : [[group, put] as const]
    }))
    if (changes.size === 0) return Promise.resolve()
    this.gathering.end()
    return new Promise((done) => this.waiting.add({ changes, done }))
  }

  /** The server was heard of. What a crash of the machine takes of it is of no use after that. */
  heard(at: Heard): void {
    this.heardWriting ??= this.writeHeard(at).finally(() => (this.heardWriting = null))
  }

  /** Resolves when all that was put is on disk, or could not be written. */
  async close(): Promise<void> {
    this.isClosing = true
    this.gathering.end()
    this.retries.end()
    await Promise.all([this.writing, this.heardWriting])
  }

  private async writeAll(): Promise<void> {
    let failed = false
    while (this.changed.size > 0) {
      if (!this.isClosing && failed) await this.retries.of(retryMs)
      else if (!this.isClosing && this.waiting.size === 0) await this.gathering.of(gatherMs)
      failed = false
      for (const group of [...this.changed.keys()]) {
        const put = this.changed.get(group) ?? 0
        if (await this.writeOnce(group)) this.isWritten(group, put)
        else failed = true
      }
      if (failed && this.isClosing) break
    }
    this.writing = null
  }

  private isWritten(group: string, put: number): void {
    if (this.changed.get(group) === put) this.changed.delete(group)
    for (const one of this.waiting) {
      if ((one.changes.get(group) ?? Infinity) <= put) one.changes.delete(group)
      if (one.changes.size > 0) continue
      this.waiting.delete(one)
      one.done()
    }
  }

  private async writeOnce(group: string): Promise<boolean> {
    const objects = this.groups.get(group)
    try {
      if (objects) await writeAtomically(this.folder, `${group}.json`, linesOf(objects))
      else {
        await rm(join(this.folder, `${group}.json`), { force: true })
        await syncFolder(this.folder)
      }
      return true
    } catch (error) {
      this.log.error({ err: error, group }, 'what this host answers for on the outside could not be written: nobody else gets what it let go of before that; it is tried again')
      return false
    }
  }

  private async writeHeard(at: Heard): Promise<void> {
    const file = join(this.folder, 'heard')
    // It is no longer than the shortest time for which it matters.
    await writeFile(`${file}${temporarySuffix}`, JSON.stringify(at), { mode: 0o600 }).then(() => rename(`${file}${temporarySuffix}`, file)).catch((error: unknown) => this.log.warn({ err: error }, 'when the server was heard of could not be written'))
  }
}

function* linesOf(objects: readonly ExternalObject[]): Generator<string> {
  yield `${JSON.stringify({ version: 1, objects: objects.length })}\n`
  for (const object of objects) yield `${JSON.stringify(object)}\n`
}

/** Throws for a file that is not whole. */
async function readObjects(path: string): Promise<ExternalObject[]> {
  const objects: ExternalObject[] = []
  let count: number | null = null
  for await (const line of createInterface({ input: createReadStream(path, { encoding: 'utf8' }), crlfDelay: Infinity })) {
    const value: unknown = JSON.parse(line)
    if (count === null) count = head.parse(value).objects
    else objects.push(externalObject.parse(value))
  }
  if (objects.length !== count) throw new Error(count === null ? 'it is empty' : `it has ${objects.length} of ${count} objects`)
  return objects
}
