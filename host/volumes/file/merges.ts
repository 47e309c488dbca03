import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import { VolumeError, type Progress } from '../store'
import { isAbandoned } from './abandoned'
import { mergeLayers } from './layers'
import { idOf, mostLayers, ownNames, recorded, SnapshotFolder, toss, VolumeFolder, type Folder, type SnapshotRecord, type VolumeRecord } from './layout'
import { existing, type Site } from './snapshots'

/** What stands for the layer `kept` and those of `dropped` below it. Written once the new file is whole; from then on the merge is only ever finished. */
const mergeFile = z.object({ version: z.literal(1), kept: z.string(), dropped: z.array(z.string()).min(1) })
type Merge = z.infer<typeof mergeFile>
type Work = { progress: Progress; signal: AbortSignal }
/** Runs what is short while nothing else of the store changes. */
type Exclusively = <T>(work: () => Promise<T>) => Promise<T>

const mergesOf = (root: string): string => join(root, 'merges')
const layerOf = (folder: string): string => join(folder, 'layer.qcow2')
/** A name more for the file that the new one stands for: for as long as the merge lies there no other file gets its inode number, by which it is known. */
const oldOf = (folder: string): string => join(folder, 'old.qcow2')
const inodeOf = async (path: string): Promise<string> => String((await stat(path, { bigint: true })).ino)

/**
 * The highest run of frozen layers of a volume that always stand together: a layer without a snapshot or clone of its own has as many names as the one over it. One of the
 * layers is enough for them. Null: there is none.
 */
async function standTogether(folder: VolumeFolder, layers: readonly string[]): Promise<{ from: number; count: number } | null> {
  const names = await Promise.all(layers.map(async (id) => (await stat(folder.layer(id))).nlink))
  for (let from = 1; from < layers.length - 1; from += 1) {
    let count = 1
    while (from + count < layers.length && names[from + count] === names[from]) count += 1
    if (count > 1) return { from, count }
  }
  return null
}

/** Merges layers that no snapshot needs apart, in every folder that has them. A volume may be open meanwhile: who has the old files open keeps them until he closes them. */
export async function tidyVolume(site: Site, uid: string, exclusively: Exclusively, work: Work): Promise<void> {
  const folder = new VolumeFolder(site.root, uid)
  // Each round leaves one layer fewer at least.
  for (let round = 0; round < mostLayers; round += 1) {
    await exclusively(() => finishMerges(site))
    const found = await exclusively(async () => {
      const record = await folder.read()
      const run = record && !record.pending && (await standTogether(folder, record.layers))
      return record && run ? { record, run } : null
    })
    if (!found) return
    const { record: { layers, sizeBytes }, run: { from, count } } = found
    const [kept = '', ...dropped] = layers.slice(from, from + count)
    const made = await inFolder(site, async (place) => {
      await link(folder.layer(kept), oldOf(place))
      await mergeLayers(layerOf(place), [kept, ...dropped].map((id) => folder.layer(id)), layers.slice(from + count).map((id) => folder.layer(id)), sizeBytes, work)
      await site.step('the merged layer is made')
      await syncFolder(mergesOf(site.root))
      await writeAtomically(place, 'merge.json', JSON.stringify({ version: 1, kept, dropped } satisfies Merge))
      await site.step('the merge is written down')
    })
    await exclusively(() => finishMade(site, made, uid))
  }
}

/** A folder for a new layer, which it returns; what fails leaves nothing of it. */
async function inFolder({ root }: Site, work: (place: string) => Promise<void>): Promise<string> {
  const place = join(mergesOf(root), randomUUID())
  await mkdir(place, { mode: 0o700 })
  busy.add(place)
  try {
    await work(place)
    return place
  } catch (error) {
    await rm(place, { recursive: true, force: true })
    throw error
  } finally {
    busy.delete(place)
  }
}

/** Folders in which this process makes a layer just now. */
const busy = new Set<string>()

/**
 * Brings a merge to its end that was just written down for this volume. Where nobody else has the layers, the others' folders are not looked at: reading the records of a large store takes long, and all others
 * wait for it meanwhile.
 */
export async function finishMade(site: Site, place: string, volumeUid: string): Promise<void> {
  const merge = await readMerge(place)
  const isTaken = merge !== null && (await takeMerged<VolumeRecord>({ folder: new VolumeFolder(site.root, volumeUid), hasTop: true }, place, merge, site.step).catch(unlessDamaged))
  if (isTaken && (await stat(oldOf(place))).nlink === 1) await throwAway(site, place)
  else await finishMerges(site)
}

/** Brings each merge that was written down to its end, and removes what never came so far. */
export async function finishMerges(site: Site): Promise<void> {
  const { root } = site
  for (const name of await ownNames(mergesOf(root))) {
    const place = join(mergesOf(root), name)
    if (busy.has(place)) continue
    const merge = await readMerge(place)
    // At a folder of several hosts another one may be making it just now.
    if (merge === null && site.shared && !(await isAbandoned(place))) continue
    if (merge && !(await finishMerge(site, place, merge))) continue
    await throwAway(site, place)
  }
}

/** Its word first: of a half of the rest nothing is finished. */
async function throwAway({ root }: Site, place: string): Promise<void> {
  for (const file of ['merge.json', ...await readdir(place)]) await toss(root, join(place, file))
  await rm(place, { recursive: true, force: true })
}

/** Null: it was not written down, or cannot be read. No folder needs it then: what one has taken of it is its own, over the layers that it has. */
async function readMerge(place: string): Promise<Merge | null> {
  const text = await readFile(join(place, 'merge.json'), 'utf8').catch(() => null)
  try {
    return text === null ? null : mergeFile.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** False: a folder could not be looked at. That costs itself alone, as whoever asks for it is told, and the merge lies there until it can. */
async function finishMerge({ root, step }: Site, place: string, merge: Merge): Promise<boolean> {
  // Each folder shows the same bytes before and after, and between: the new layer over those that go is the same, too.
  const snapshots = (await recorded(root, 'snapshots')).map((uid) => ({ folder: new SnapshotFolder(root, uid), hasTop: false }))
  const volumes = (await recorded(root, 'volumes')).map((uid) => ({ folder: new VolumeFolder(root, uid), hasTop: true }))
  let isWhole = true
  for (const one of snapshots) isWhole = (await takeMerged<SnapshotRecord>(one, place, merge, step).catch(unlessDamaged)) && isWhole
  for (const one of volumes) isWhole = (await takeMerged<VolumeRecord>(one, place, merge, step).catch(unlessDamaged)) && isWhole
  return isWhole
}

function unlessDamaged(error: unknown): false {
  // Of a record that its disk does not give; what is said of the store itself, as of its lock, ends the work.
  const isOfOne = error instanceof VolumeError && (error.code === 'Damaged' || (error.code === 'Unreachable' && !error.isOperators))
  if (isOfOne || (error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false
  throw error
}

/**
 * `hasTop`: its first layer is written to, and never a merged one. False: the record was changed meanwhile, by another host that took a lock over which this one had lost; nothing but what the merge drops is ever
 * removed, for what an old record does not name may be what a guest writes to.
 */
async function takeMerged<R extends { layers: string[]; inherited: number }>({ folder, hasTop }: { folder: Folder<R>; hasTop: boolean }, place: string, merge: Merge, step: Site['step']): Promise<boolean> {
  const record = await folder.read()
  const at = record ? record.layers.indexOf(merge.kept) : -1
  if (!record || at < (hasTop ? 1 : 0) || !(await isMerged(folder.layer(merge.kept), place))) return true
  if (!merge.dropped.some((id) => record.layers.includes(id))) {
    // Whoever began it may have ended before they were gone.
    await folder.drop(merge.dropped)
    return true
  }
  if (merge.dropped.some((id, i) => record.layers[at + 1 + i] !== id)) return true
  await folder.adopt(merge.kept, layerOf(place))
  await syncFolder(folder.path)
  await step('a folder has the merged layer')
  if (!isDeepStrictEqual(await folder.read(), record)) return false
  await folder.write(without(record, merge.dropped))
  await folder.drop(merge.dropped)
  await step('its record is without the layers that were merged')
  return true
}

/** Whether a layer is the one that was merged, as it was or as it is now. */
async function isMerged(layer: string, place: string): Promise<boolean> {
  return [await inodeOf(oldOf(place)), await inodeOf(layerOf(place))].includes(await inodeOf(layer))
}

function without<R extends { layers: string[]; inherited: number }>(record: R, dropped: readonly string[]): R {
  const own = record.layers.length - record.inherited
  const isDropped = (id: string): boolean => dropped.includes(id)
  return { ...record, layers: record.layers.filter((id) => !isDropped(id)), inherited: record.inherited - record.layers.slice(own).filter(isDropped).length }
}

/** The layers that a volume has of a snapshot become one of its own. */
export async function flattenVolume(site: Site, uid: string, exclusively: Exclusively, work: Work): Promise<void> {
  const folder = new VolumeFolder(site.root, uid)
  const { layers, inherited, sizeBytes } = await existing(folder, uid)
  if (inherited === 0) return
  const old = layers.slice(-inherited)
  const place = join(mergesOf(site.root), randomUUID())
  await mkdir(place, { mode: 0o700 })
  busy.add(place)
  try {
    await mergeLayers(layerOf(place), old.map((id) => folder.layer(id)), [], sizeBytes, work)
    await site.step('the flat layer is made')
    await exclusively(async () => {
      const record = await existing(folder, uid)
      if (record.inherited === 0) return
      const own = record.layers.slice(0, -record.inherited)
      const flat = idOf(record.next)
      await rename(layerOf(place), folder.layer(flat))
      await syncFolder(folder.path)
      await site.step('the flat layer is in the folder')
      const flattened = { ...record, layers: [...own, flat], next: record.next + 1, inherited: 0 }
      await folder.write(flattened)
      await site.step('the record names the flat layer')
      await folder.tidy(flattened.layers)
    })
  } finally {
    busy.delete(place)
    await rm(place, { recursive: true, force: true })
  }
}
