import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { networkObject, networkObjectKey, type NetworkMessage, type NetworkObject } from '@/contracts/host/v1'
import type { Logger } from '@/platform/logger'
import { temporarySuffix, writeAtomically } from './atomic-file'

const fileName = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/
const keptObjects = z.object({ version: z.literal(1), objects: z.array(networkObject) })
/** Far more than the largest network's: what is larger is none, and is not read into memory. */
const maxFileBytes = 64 << 20
/** More of one network at a time than any quota allows. */
const maxObjects = 50_000
const maxNetworks = 10_000
/** Changes in so short a time are one write. */
const gatherMs = 200
const retryMs = 2_000

/** One network's objects by their keys, and what of it is under way. */
type Kept = { objects: Map<string, NetworkObject>; writing: Promise<void> | null; changed: boolean; removed: boolean }

/**
 * What the server last said of each network with pods here: services, names, policies. Kept on disk too, one file of plain JSON a network (there
 * is no secret in it), so that an agent that starts without a server makes what was there before.
 */
export class NetworkObjects {
  private readonly networks = new Map<string, Kept>()
  /** Told since the last desired set: the set that names them comes after them. */
  private readonly early = new Set<string>()
  private readonly closing = new AbortController()
  private constructor(
    private readonly folder: string,
    private readonly log: Pick<Logger, 'warn' | 'error'>,
  ) {}

  /** Opens the folder, making it where it is missing, and reads what is there. What cannot be read is left out and removed: the server says it again. */
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
    return [...this.networks].map(([networkId, { objects }]) => ({ kind: 'networkObjects', networkId, complete: true, set: [...objects.values()], remove: [] }))
  }

  of(networkId: string): readonly NetworkObject[] {
    return [...(this.networks.get(networkId)?.objects.values() ?? [])]
  }

  /** Takes a message and gives all that is known of its network now. */
  take({ networkId, complete, set, remove }: NetworkMessage): readonly NetworkObject[] {
    const known = this.networks.get(networkId)
    if (!known && this.networks.size >= maxNetworks) {
      this.log.error({ network: networkId }, `objects of more than ${maxNetworks} networks; those of this one are not kept`)
      return set
    }
    const kept = known ?? { objects: new Map<string, NetworkObject>(), writing: null, changed: false, removed: false }
    this.networks.set(networkId, kept)
    this.early.add(networkId)
    if (complete) kept.objects.clear()
    for (const key of remove) kept.objects.delete(key)
    for (const object of set) kept.objects.set(networkObjectKey(object), object)
    for (const key of [...kept.objects.keys()].filter((key) => key !== 'network').slice(maxObjects)) kept.objects.delete(key)
    kept.changed = true
    this.write(networkId, kept)
    return [...kept.objects.values()]
  }

  /** Forgets every network that is not `used`, but those told of since the last call. Returns which went. */
  keep(used: ReadonlySet<string>): string[] {
    const gone = [...this.networks.keys()].filter((id) => !used.has(id) && !this.early.has(id))
    this.early.clear()
    for (const id of gone) this.forget(id)
    return gone
  }

  /** Resolves when all that was taken is on disk, or could not be written. */
  async close(): Promise<void> {
    this.closing.abort()
    await Promise.all([...this.networks.values()].map(({ writing }) => writing))
  }

  private forget(networkId: string): void {
    const kept = this.networks.get(networkId)
    this.networks.delete(networkId)
    if (kept) kept.removed = true
    void Promise.resolve(kept?.writing)
      .then(() => (this.networks.has(networkId) ? undefined : rm(join(this.folder, `${networkId}.json`), { force: true })))
      .catch((error: unknown) => this.log.warn({ err: error, network: networkId }, 'what was kept of a network could not be removed'))
  }

  private write(networkId: string, kept: Kept): void {
    kept.writing ??= this.writeAll(networkId, kept).finally(() => (kept.writing = null))
  }

  private async writeAll(networkId: string, kept: Kept): Promise<void> {
    let wait = gatherMs
    while (kept.changed && !kept.removed) {
      await delay(wait, undefined, { signal: this.closing.signal, ref: false }).catch(() => {})
      // Forgotten in the meantime, or taken up anew by another entry.
      if (kept.removed) return
      kept.changed = false
      try {
        await writeAtomically(this.folder, `${networkId}.json`, JSON.stringify({ version: 1, objects: [...kept.objects.values()] }))
        wait = gatherMs
      } catch (error) {
        this.log.error({ err: error, network: networkId }, 'what a network holds could not be written; it is tried again')
        kept.changed = true
        wait = retryMs
        if (this.closing.signal.aborted) return
      }
    }
  }

  private async read(networkId: string, path: string): Promise<void> {
    const file = await stat(path)
    const objects = file.isFile() && file.size <= maxFileBytes ? parsed(await readFile(path, 'utf8').catch(() => '')) : null
    if (objects) return void this.networks.set(networkId, { objects: new Map(objects.map((object) => [networkObjectKey(object), object])), writing: null, changed: false, removed: false })
    this.log.warn({ file: path }, 'what was kept of a network cannot be read and is removed; the server says it again')
    await rm(path, { recursive: true, force: true })
  }
}

function parsed(text: string): NetworkObject[] | null {
  try {
    return keptObjects.parse(JSON.parse(text)).objects
  } catch {
    return null
  }
}
