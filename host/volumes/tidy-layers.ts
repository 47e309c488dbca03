import type { Serial } from '@/host/network/serial'
import { serialOf } from './open-image'
import type { VolumeStore } from './store'
import type { VolumeState } from './volume-state'
import type { PodVms } from './vms'

/** Of a volume: `serial` does one step of it at a time. */
type Tidied = { uid: string; state: VolumeState; serial: Serial }

/**
 * Merges what removed snapshots have left apart, and has whoever writes to the volume go on over the merged layers: his chain would grow with each snapshot for as long as he has it open, and what was merged would
 * take its room. The merging goes on beside everything else.
 */
export async function tidyLayers(store: VolumeStore, volume: Tidied, vms: Pick<PodVms, 'get'>, signal: AbortSignal): Promise<void> {
  if (!store.tidy) return
  await store.tidy(volume.uid, () => {}, signal)
  signal.throwIfAborted()
  await volume.serial.do(() => followLayers(store, volume, vms))
}

async function followLayers(store: VolumeStore, { uid, state }: Tidied, vms: Pick<PodVms, 'get'>): Promise<void> {
  const hold = [...state.holds.values()].find((one) => one.state === 'mounted' && !one.readOnly)
  const vm = hold && vms.get(hold.podUid)
  if (!hold || !vm) return
  const image = await store.image(uid, 'write', hold.epoch)
  const there = (await vm.disks.plugged()).find(({ serial }) => serial === serialOf(uid))
  if (image.kind !== 'layers' || !there) return
  const [top, ...below] = image.layers
  // While a snapshot is being taken the two are not the same, and it is looked again with the next one that is removed.
  if (top && below.length > 0 && there.layers[0] === top.id && there.layers.length > image.layers.length) await vm.serial.do(() => vm.disks.replaceBelow({ serial: there.serial, top, below, direct: image.direct }))
}
