import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { volumeObject } from '@/contracts/host/v1/volumes'
import { SerialByKey } from '@/host/network/serial'
import type { Logger } from '@/platform/logger'
import { syncFolder, temporarySuffix, writeAtomically } from './atomic-file'

/** A pod that has a volume open on this host, or may have. */
const hold = z.object({ podUid: z.uuid(), name: z.string(), readOnly: z.boolean(), epoch: z.number().int() })
export type NotedHold = z.infer<typeof hold>

const volumeEntry = z.object({
  version: z.literal(1),
  kind: z.literal('volume'),
  uid: z.uuid(),
  /** The highest that this host was ever told of: under a lower one it opens nothing. */
  epoch: z.number().int().min(0),
  /** What the server said of it last; null: that it is not this host's any more. */
  object: volumeObject.options[1].nullable(),
  holds: z.array(hold),
  /** Its image was here once: it is never made anew where it is missing. */
  made: z.boolean(),
  formatted: z.enum(['ext4', 'xfs', 'block']).nullable(),
  reverted: z.object({ epoch: z.number().int(), snapshotUid: z.uuid() }).nullable(),
  fenced: z.object({ epoch: z.number().int(), clients: z.array(z.string()) }).nullable(),
  /** Since when it is not this host's any more, in milliseconds since 1970. */
  goneAt: z.number().nullable(),
})
export type VolumeEntry = z.infer<typeof volumeEntry>

/** How a snapshot was taken, which its store does not know. */
const snapshotEntry = z.object({
  version: z.literal(1),
  kind: z.literal('snapshot'),
  uid: z.uuid(),
  consistency: z.enum(['CrashConsistent', 'FilesystemConsistent']),
  stallMs: z.number().int().min(0),
  takenAt: z.string(),
  /** What stood on its volume then; null: nothing; left out: not known here. */
  formatted: z.enum(['ext4', 'xfs', 'block']).nullable().optional(),
})
export type SnapshotEntry = z.infer<typeof snapshotEntry>

/** What the server said of a store last: an agent that starts without it opens the store of volumes that its pods have. */
const storeEntry = z.object({ version: z.literal(1), kind: z.literal('store'), uid: z.uuid(), object: volumeObject.options[0] })
export type StoreEntry = z.infer<typeof storeEntry>

const entry = z.discriminatedUnion('kind', [volumeEntry, snapshotEntry, storeEntry])
export type VolumeLedgerEntry = z.infer<typeof entry>

const fileName = /^(volume|snapshot|store)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/
/** For how long the number of a volume is remembered that is not this host's any more; its store knows it for as long as there is the volume. */
const rememberedMs = 30 * 86_400_000

/**
 * What this host may open of volumes, a file each, written before it is in force: an epoch before anything is opened under it, a pod before it gets the disk, and that
 * something is let go before that is said. Holds no keys.
 */
export class VolumeLedger {
  private readonly writes = new SerialByKey<string>()
  private constructor(
    private readonly folder: string,
    private readonly entries: Map<string, VolumeLedgerEntry>,
  ) {}

  /** Opens the folder, making it where it is missing, and reads what is there. What cannot be read is kept aside. */
  static async open(folder: string, log: Pick<Logger, 'error'>, now: number = Date.now()): Promise<VolumeLedger> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const entries = new Map<string, VolumeLedgerEntry>()
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (name.endsWith(temporarySuffix)) await rm(path, { force: true })
      if (!fileName.test(name)) continue
      try {
        const one = entry.parse(JSON.parse(await readFile(path, 'utf8')))
        if (isForgotten(one, now)) await rm(path, { force: true })
        else entries.set(keyOf(one), one)
      } catch (error) {
        log.error({ err: error, file: path }, 'what was written down of a volume cannot be read: it is taken away from the pods that have it, and opened again once the server says so')
        await rename(path, `${path}.broken`)
      }
    }
    return new VolumeLedger(folder, entries)
  }

  volumes(): VolumeEntry[] {
    return [...this.entries.values()].filter((one) => one.kind === 'volume')
  }

  volume(uid: string): VolumeEntry | null {
    const one = this.entries.get(`volume-${uid}`)
    return one?.kind === 'volume' ? one : null
  }

  snapshot(uid: string): SnapshotEntry | null {
    const one = this.entries.get(`snapshot-${uid}`)
    return one?.kind === 'snapshot' ? one : null
  }

  stores(): StoreEntry[] {
    return [...this.entries.values()].filter((one) => one.kind === 'store')
  }

  /** On disk when it resolves, whole; nothing that it says was in force before. Throws the file system's error, and what was written before holds. */
  save(one: VolumeLedgerEntry): Promise<void> {
    const key = keyOf(one)
    return this.writes.do(key, async () => {
      await writeAtomically(this.folder, `${key}.json`, `${JSON.stringify(one)}\n`)
      this.entries.set(key, one)
    }).then(() => this.forget(one))
  }

  /** With each volume that goes, those go that went long before: an agent may run for years. */
  private async forget(one: VolumeLedgerEntry): Promise<void> {
    if (one.kind !== 'volume' || one.goneAt === null) return
    const now = one.goneAt
    for (const key of [...this.entries].flatMap(([key, other]) => (isForgotten(other, now) ? [key] : []))) {
      await this.writes.do(key, async () => {
        // It may have been given anew meanwhile.
        const other = this.entries.get(key)
        if (!other || !isForgotten(other, now)) return
        await rm(join(this.folder, `${key}.json`), { force: true })
        this.entries.delete(key)
      }).catch(() => {})
    }
  }

  /** Of what has nothing that a later agent must know. */
  remove(one: Pick<VolumeLedgerEntry, 'kind' | 'uid'>): Promise<void> {
    const key = keyOf(one)
    return this.writes.do(key, async () => {
      await rm(join(this.folder, `${key}.json`), { force: true })
      await syncFolder(this.folder)
      this.entries.delete(key)
    })
  }
}

const isForgotten = (one: VolumeLedgerEntry, now: number): boolean => one.kind === 'volume' && one.goneAt !== null && now - one.goneAt > rememberedMs
const keyOf = ({ kind, uid }: Pick<VolumeLedgerEntry, 'kind' | 'uid'>): string => `${kind}-${uid}`
