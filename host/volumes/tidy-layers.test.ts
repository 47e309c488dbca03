import { expect, it } from 'vitest'
import type { PluggedVolume } from '@/host/hypervisor/volume-disks'
import type { Replacement } from '@/host/hypervisor/replace-layers'
import { Serial } from '@/host/network/serial'
import { serialOf } from './open-image'
import type { Image, VolumeStore } from './store'
import { tidyLayers } from './tidy-layers'
import type { VolumeState } from './volume-state'
import type { PodVms } from './vms'

const uid = 'aaaaaaaa-0000-4000-8000-000000000000'
const layer = (id: string, readOnly = true) => ({ id, path: `/store/${id}`, readOnly })
const image: Image = { kind: 'layers', direct: false, layers: [layer('5', false), layer('3')] }

/** Tidies a volume that a pod has so, in a QEMU that says to have these layers. */
async function tidied({ hold = { state: 'mounted', readOnly: false }, layers = ['5', '4', '3'], of = image, tidies = true }: { hold?: { state: string; readOnly: boolean } | null; layers?: string[] | null; of?: Image; tidies?: boolean } = {}): Promise<Replacement[]> {
  const replaced: Replacement[] = []
  const plugged: PluggedVolume[] = layers ? [{ serial: serialOf(uid), sizeBytes: 1, readOnly: false, layers, device: true }] : []
  const vm = { serial: new Serial(), disks: { plugged: async () => plugged, replaceBelow: async (one: Replacement) => void replaced.push(one) } }
  const store = { image: async () => of, ...(tidies && { tidy: async () => {} }) } as Partial<VolumeStore> as VolumeStore
  const state = { holds: new Map(hold ? [['pod', { ...hold, podUid: 'pod', epoch: 1 }]] : []) } as unknown as VolumeState
  await tidyLayers(store, { uid, state, serial: new Serial() }, { get: () => vm } as unknown as PodVms, new AbortController().signal)
  return replaced
}

it('who writes to a volume goes on over its merged layers', async () => {
  expect(await tidied()).toEqual([{ serial: serialOf(uid), top: layer('5', false), below: [layer('3')], direct: false }])
})

it('a chain that is as its store has it, that another snapshot came onto, or that nobody writes, stays', async () => {
  for (const [what, about] of [
    ['as short', { layers: ['5', '3'] }], ['another top', { layers: ['6', '5', '4', '3'] }], ['not plugged', { layers: null }], ['nobody has it', { hold: null }], ['read', { hold: { state: 'mounted', readOnly: true } }], ['not mounted', { hold: { state: 'open', readOnly: false } }],
    ['one layer', { of: { ...image, layers: [layer('5', false)] } as Image }], ['a store without layers', { tidies: false }],
  ] as const) expect(await tidied(about as Parameters<typeof tidied>[0]), what).toEqual([])
})
