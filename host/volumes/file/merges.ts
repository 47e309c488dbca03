import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, writeAtomically } from '@/host/ledger/atomic-file'
import type { Progress } from '../store'
import { mergeLayers } from './layers'
import { idOf, recorded, SnapshotFolder, VolumeFolder, type Folder } from './layout'
import { existing, type Site } from './snapshots'

/** What stands for the layer `kept`, whose file was `inode`, and those of `dropped` below it. Written once the new file is whole; from then on the merge is only ever finished. */
const mergeFile = z.object({ version: z.literal(1), kept: z.string(), inode: z.string(), dropped: z.array(z.string()).min(1) })
type Merge = z.infer<typeof mergeFile>
type Work = { progress: Progress; signal: AbortSignal }
/** Runs what is short while nothing else of the store changes. */
type Exclusively = <T>(work: () => Promise<T>) => Promise<T>

const mergesOf = (root: string): string => join(root, 'merges')
const layerOf = (folder: string): string => join(folder, 'layer.qcow2')
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
  for (;;) {
    await exclusively(() => finishMerges(site))
    const found = await exclusively(async () => {
      const record = await folder.read()
      const run = record && !record.pending && (await standTogether(folder, record.layers))
      return record && run ? { record, run } : null
    })
    if (!found) return
    const { record: { layers, sizeBytes }, run: { from, count } } = found
    const [kept = '', ...dropped] = layers.slice(from, from + count)
    await inFolder(site, async (place) => {
      const inode = await inodeOf(folder.layer(kept))
      await mergeLayers(layerOf(place), [kept, ...dropped].map((id) => folder.layer(id)), layers.slice(from + count).map((id) => folder.layer(id)), sizeBytes, work)
      await site.step('the merged layer is made')
      await writeAtomically(place, 'merge.json', JSON.stringify({ version: 1, kept, inode, dropped } satisfies Merge))
      await site.step('the merge is written down')
    })
  }
}

/** A folder for a new layer; what fails leaves nothing of it. */
async function inFolder({ root }: Site, work: (place: string) => Promise<void>): Promise<void> {
  const place = join(mergesOf(root), randomUUID())
  await mkdir(place, { mode: 0o700 })
  busy.add(place)
  try {
    await work(place)
  } catch (error) {
    await rm(place, { recursive: true, force: true })
    throw error
  } finally {
    busy.delete(place)
  }
}

/** Folders in which this process makes a layer just now. */
const busy = new Set<string>()

/** Brings each merge that was written down to its end, and removes what never came so far. */
export async function finishMerges(site: Site): Promise<void> {
  const { root } = site
  for (const name of await readdir(mergesOf(root))) {
    const place = join(mergesOf(root), name)
    if (busy.has(place)) continue
    const text = await readFile(join(place, 'merge.json'), 'utf8').catch(() => null)
    // At a folder of several hosts another one may be making it just now.
    if (text === null && site.shared) continue
    if (text !== null) await finishMerge(site, layerOf(place), mergeFile.parse(JSON.parse(text)))
    await rm(place, { recursive: true, force: true })
  }
}

async function finishMerge({ root, step }: Site, layer: string, merge: Merge): Promise<void> {
  // Each folder shows the same bytes before and after, and between: the new layer over those that go is the same, too.
  for (const uid of await recorded(root, 'snapshots')) if (await takeMerged(new SnapshotFolder(root, uid), layer, merge)) await step('a snapshot has the merged layer')
  for (const uid of await recorded(root, 'volumes')) if (await takeMerged(new VolumeFolder(root, uid), layer, merge)) await step('a volume has the merged layer')
}

async function takeMerged<R extends { layers: string[]; inherited: number }>(folder: Folder<R>, layer: string, merge: Merge): Promise<boolean> {
  const record = await folder.read()
  const rest = record && (await withoutDropped(folder, record, layer, merge))
  if (!rest) return false
  await folder.adopt(merge.kept, layer)
  await folder.write(rest)
  await folder.tidy(rest.layers)
  return true
}

/** A record without the layers that were merged; null where it has none of that merge. */
async function withoutDropped<R extends { layers: string[]; inherited: number }>(folder: Folder<R>, record: R, layer: string, { kept, inode, dropped }: Merge): Promise<R | null> {
  const from = record.layers.indexOf(kept) + 1
  if (from === 0 || dropped.some((id, i) => record.layers[from + i] !== id)) return null
  const here = await inodeOf(folder.layer(kept))
  if (here !== inode && here !== (await inodeOf(layer))) return null
  const inherited = dropped.filter((_, i) => from + i >= record.layers.length - record.inherited).length
  return { ...record, layers: record.layers.filter((id) => !dropped.includes(id)), inherited: record.inherited - inherited }
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
