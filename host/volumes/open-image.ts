import { createHash } from 'node:crypto'
import type { VolumeRates } from '@/contracts/host/v1/volumes'
import type { Layer, RbdOptions } from './store'

/** How QEMU opens a volume's image and shows it to the guest: pure lists of arguments of its monitor's commands, held by golden files. */
export type Arguments = Record<string, unknown>

export type Access = { readOnly: boolean; /** Past the host's page cache: where other hosts see the same files. */ direct: boolean }

/** By which the guest finds a volume's disk: `v` and the first 19 hex digits of its uid, for a serial has 20 bytes. Its nodes and devices in QEMU are named by it. */
export const serialOf = (volumeUid: string): string => `v${volumeUid.replaceAll('-', '').toLowerCase().slice(0, 19)}`

/** QEMU's names of nodes have 31 bytes at most: a layer's is of its id's digest. */
export const layerNode = (serial: string, layerId: string): string => `${serial}-${createHash('sha256').update(layerId).digest('hex').slice(0, 8)}`
/** The node above a volume's image, which keeps it within its limits: what the device is over. */
export const throttleNode = (serial: string): string => serial
export const throttleGroup = (serial: string): string => `limits-${serial}`
/** The node of an image of Ceph, which has no layers. */
export const cephNode = (serial: string): string => `${serial}-r`
export const secretId = (serial: string): string => `key-${serial}`
export const diskId = (serial: string): string => `disk-${serial}`
export const controllerId = (serial: string): string => `scsi-${serial}`

/** Of all layers, so that many volumes fit beside the VM's memory: 4 MiB of tables for the one that is written, which cover 32 GiB, and 1 for each below it. */
const tableCacheBytes = (layer: Layer) => (layer.readOnly ? 1 : 4) * 2 ** 20

/** A layer over what is below it (null: nothing): what its header says of another file is never followed. `set` is the set of open files that QEMU was given for it. */
function layerOver(serial: string, { layer, set }: GivenLayer, backing: Arguments | null, { direct }: Access): Arguments {
  const common = { discard: 'unmap', cache: { direct, 'no-flush': false } }
  return {
    ...{ driver: 'qcow2', 'node-name': layerNode(serial, layer.id), 'read-only': layer.readOnly, ...common, 'l2-cache-size': tableCacheBytes(layer), backing },
    // Of one that is written it is as the node above has it: once a snapshot is over it QEMU opens it anew, for reading alone.
    file: { driver: 'file', 'node-name': `${layerNode(serial, layer.id)}-f`, filename: `/dev/fdset/${set}`, locking: 'on', ...(layer.readOnly ? { 'read-only': true } : {}), ...common },
  }
}

export type GivenLayer = { layer: Layer; set: number }

/**
 * The graph of a volume of layers, the newest first, for one `blockdev-add`: what is made by it goes with its uppermost node. Where it is only read no layer is
 * opened for writing, and no lock against other readers is taken.
 */
export function layersGraph(serial: string, layers: readonly GivenLayer[], access: Access): Arguments {
  const image = layers.reduceRight<Arguments | null>((backing, each) => layerOver(serial, access.readOnly ? readOnlyOf(each) : each, backing, access), null)
  return underLimits(serial, access, image)
}

const readOnlyOf = ({ layer, set }: GivenLayer): GivenLayer => ({ layer: { ...layer, readOnly: true }, set })

/** A new, empty layer, to be put on top of what a volume has open. */
export const overlayGraph = (serial: string, overlay: GivenLayer, access: Access): Arguments => layerOver(serial, overlay, null, access)

/** Read-only layers, the newest first, to be put under what a volume has open, in place of others that show the same. */
export const chainGraph = (serial: string, layers: readonly GivenLayer[], access: Access): Arguments | null => layers.reduceRight<Arguments | null>((backing, each) => layerOver(serial, readOnlyOf(each), backing, access), null)

/** Options of `blockdev-reopen` by which a layer that is written lies over another node from now on: all that it was opened with, for what is left out would be QEMU's default again. */
export function overAnother(serial: string, layer: Layer, backing: string, access: Access): Arguments {
  const { file: _, ...options } = layerOver(serial, { layer, set: -1 }, null, access)
  return { ...options, backing, file: `${layerNode(serial, layer.id)}-f` }
}

/**
 * The graph of an image of Ceph. The user's key is given before by {@link secretOf}; `configuration` is a file in the VM's root without any key, which bounds how long Ceph is waited for. It is past librbd's cache
 * (`direct`: QEMU turns it off), which loses what it has acknowledged: a write that fails after its answer and before the next flush is told by no flush that has nothing to wait for (adr/0059).
 */
export function rbdGraph(serial: string, { pool, namespace, image, user, server }: RbdOptions, { readOnly }: Pick<Access, 'readOnly'>, configuration: string): Arguments {
  return underLimits(serial, { readOnly }, {
    ...{ driver: 'rbd', 'node-name': cephNode(serial), 'read-only': readOnly, discard: 'unmap', cache: { direct: true, 'no-flush': false } },
    ...{ pool, ...(namespace === null ? {} : { namespace }), image, user, 'key-secret': secretId(serial), conf: configuration, server },
  })
}

/** Arguments of `object-add` for a user's key in Ceph, in base64 as Ceph writes it. It is spoken on the monitor alone, and QEMU forgets it once the image is open. */
export const secretOf = (serial: string, key: string): Arguments => ({ 'qom-type': 'secret', id: secretId(serial), format: 'base64', data: key })

const underLimits = (serial: string, { readOnly }: Pick<Access, 'readOnly'>, file: Arguments | null): Arguments => ({ driver: 'throttle', 'node-name': throttleNode(serial), 'read-only': readOnly, discard: 'unmap', 'throttle-group': throttleGroup(serial), file })

/** QEMU's bucket holds so many at most: a burst's rate times its seconds. Source: QEMU, include/qemu/throttle.h, THROTTLE_VALUE_MAX. */
const bucketMost = 1e15

/** QEMU's limits of a volume, all of them each time: one that is left out keeps what it was. */
export function limitsOf({ iops, iopsBurst, bytesPerSecond, bytesPerSecondBurst, burstSeconds }: VolumeRates): Arguments {
  const bucket = (name: string, rate: number | null, burst: number | null) => {
    const max = rate === null || burst === null ? 0 : Math.max(rate, burst)
    return { [`${name}-total`]: rate ?? 0, [`${name}-total-max`]: max, [`${name}-total-max-length`]: max === 0 ? 1 : Math.max(1, Math.min(burstSeconds, Math.floor(bucketMost / max))) }
  }
  return { ...bucket('iops', iops, iopsBurst), ...bucket('bps', bytesPerSecond, bytesPerSecondBurst) }
}

/** Arguments of `object-add` for a volume's limits. */
export const limitsGroup = (serial: string, rates: VolumeRates): Arguments => ({ 'qom-type': 'throttle-group', id: throttleGroup(serial), limits: limitsOf(rates) })

/** Over the throttle node of a disk that is only read: what its device is over where the guest may replay a journal. */
export const replayNode = (serial: string): string => `${serial}-j`
/** The volume whose disk is over this node; the name itself where it is no such node. */
export const serialOfNode = (node: string): string => node.replace(/-j$/, '')
/** The set of one open file of so many bytes, an empty qcow2 image. */
export type ReplaySet = { set: number; bytes: number }

/**
 * A throwaway overlay of a disk that is only read, so that its guest's kernel can replay the journal. QEMU's raw driver bounds it: whoever writes more is refused, and the file never becomes longer. It is never flushed, for
 * nobody reads it again.
 */
export function replayGraph(serial: string, { set, bytes }: ReplaySet): Arguments {
  const common = { 'read-only': false, discard: 'ignore', cache: { direct: false, 'no-flush': true } }
  return {
    ...{ driver: 'qcow2', 'node-name': replayNode(serial), ...common, 'l2-cache-size': 2 ** 20, backing: throttleNode(serial) },
    file: { driver: 'raw', 'node-name': `${replayNode(serial)}b`, size: bytes, ...common, file: { driver: 'file', 'node-name': `${replayNode(serial)}f`, filename: `/dev/fdset/${set}`, locking: 'on', ...common } },
  }
}

/** A store that is full or does not answer: the VM is paused until it does, or the guest is told. */
export type OnFull = 'pause' | 'fail'

/**
 * Arguments of each `device_add`, in order. virtio-blk has no word for a full disk, SCSI has one: whoever wants the guest to be told gets a disk of a controller of its own,
 * and both go with that. `replays`: see {@link replayGraph}; what cannot be written there is no store's trouble, and pauses nothing.
 */
export function volumeDevices(serial: string, onFull: OnFull, replays = false): Arguments[] {
  const disk = { id: diskId(serial), drive: replays ? replayNode(serial) : throttleNode(serial), serial }
  if (onFull === 'pause') return [{ driver: 'virtio-blk-pci', ...disk, werror: replays ? 'report' : 'stop', rerror: 'stop' }]
  return [{ driver: 'virtio-scsi-pci', id: controllerId(serial) }, { driver: 'scsi-hd', bus: `${controllerId(serial)}.0`, ...disk, werror: 'report', rerror: 'report' }]
}
