import { chainGraph, layerNode, overAnother } from '@/host/volumes/open-image'
import type { Layer } from '@/host/volumes/store'
import { blockGraph, chainBelow } from './block-graph'
import { giveFiles } from './give-files'
import { VmError } from './machine'
import type { QmpClient } from './qmp'
import { filesOf, givenLayers, takeFiles } from './volume-files'

/** A chain that grew while it was open is as long as it is. */
export const longestChain = 1000

/** The id of a layer in its store, of what QEMU calls it: one that came in place of others has a number. */
export const storedId = (id: string): string => id.replace(/\..*$/, '')
const numberOf = (id: string): number => Number(/\.(\d+)$/.exec(id)?.[1] ?? 0)

/** `top` is written; `below`, the newest first, show the same as what is there. `timeoutMs`: of what waits for all requests of the disk. */
export type Replacement = { serial: string; top: Layer; below: readonly Layer[]; direct: boolean }

/** Opens a volume's frozen layers anew and has its top go on over these, in one step; those that were there are closed. When it fails all is as before. */
export async function replaceLayers(qmp: QmpClient, runDir: string, { serial, top, below, direct }: Replacement, timeoutMs: number): Promise<void> {
  const access = { readOnly: false, direct }
  const given = (await givenLayers(qmp)).filter((one) => one.serial === serial)
  const before = chainBelow(await blockGraph(qmp), serial, longestChain).slice(1)
  const number = Math.max(0, ...given.map(({ id }) => numberOf(id))) + 1
  const layers = below.map((layer) => ({ ...layer, id: `${layer.id}.${number}` }))
  const [head] = layers.map(({ id }) => layerNode(serial, id))
  if (head === undefined) throw new VmError(`volume ${serial} would have nothing below its top`)
  try {
    const sets = await giveFiles(runDir, layers.map((layer) => filesOf(serial, layer, true)))
    await qmp.command('blockdev-add', chainGraph(serial, layers.map((layer, i) => ({ layer, set: sets[i] ?? -1 })), access) ?? {}, { timeoutMs })
    await qmp.command('blockdev-reopen', { options: [overAnother(serial, top, head, access)] }, { timeoutMs })
  } catch (error) {
    await qmp.command('blockdev-del', { 'node-name': head }, { timeoutMs }).catch(() => {})
    await takeFiles(qmp, layers.map(({ id }) => `${serial}/${id}/`)).catch(() => {})
    throw error
  }
  // What came with another node went with that.
  for (const node of before) await qmp.command('blockdev-del', { 'node-name': node }, { timeoutMs }).catch(() => {})
  await takeFiles(qmp, given.filter(({ id }) => before.includes(layerNode(serial, id))).map(({ id }) => `${serial}/${id}/`))
}
