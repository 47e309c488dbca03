import * as z from 'zod/mini'
import { absolutePath, bytes, name, text } from './fields'

/** Serials are at most 20 bytes: virtio has no room for more. */
const serial = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$/))
const fsType = z.enum(['ext4', 'xfs'])
const milliseconds = (most: number) => z.number().check(z.int(), z.gte(1), z.lte(most))

/**
 * Finds the disk by its serial, waits for it, looks what is on it, makes a file system where it is blank and `format` says so, checks it, and mounts it on the folder of
 * the pod's volume. Repeating it does nothing. `format` false: it had a file system before, or was filled by somebody, and a blank disk is damage. `mode` block: nothing is read or written.
 * `populate`: the squashfs whose files go into a file system that is made here. `discard`: what files leave that are deleted is given back to the disk at once; left out: it is not, as agents do that do not know it.
 */
export const AttachVolumeParams = z.object({
  volume: name,
  serial,
  fsType,
  mode: z.enum(['filesystem', 'block']),
  readOnly: z.boolean(),
  format: z.boolean(),
  discard: z.optional(z.boolean()),
  populate: z.nullable(z.object({ serial: name })),
})
/** `fsType` null: of a block device. `checked` null: nothing was checked, for it is read alone, of mode block, or has been mounted before. */
export const AttachVolumeResult = z.object({
  device: text(32),
  fsType: z.nullable(fsType),
  formatted: z.boolean(),
  checked: z.nullable(z.enum(['clean', 'repaired'])),
  fsBytes: bytes,
  usedBytes: bytes,
  milliseconds: z.number().check(z.gte(0), z.lte(86_400_000)),
})

/** Writes all out and unmounts it everywhere in the VM; `Busy` names processes that have it open, ten at most, unless `force`: then it goes as soon as they let go. */
export const DetachVolumeParams = z.object({ volume: name, force: z.boolean(), timeoutMilliseconds: milliseconds(600_000) })
/** `notWritten`: the volume is out, and some of what programs wrote was lost before, with the cause as the kernel says it. Left out: nothing was, or the agent is one of before, which do not say it. */
export const DetachVolumeResult = z.object({ notWritten: z.optional(text(2048)) })

/** Its disk has grown: the file system follows. */
export const GrowVolumeParams = z.object({ volume: name })
export const GrowVolumeResult = z.object({ fsBytes: bytes })

/** No write reaches any of these before `thawVolumes`, or none of them is frozen. The guest thaws by itself after the time, and where the connection ends. */
export const FreezeVolumesParams = z.object({ volumes: z.array(name).check(z.minLength(1), z.maxLength(50)), timeoutMilliseconds: milliseconds(10_000) })
export const FreezeVolumesResult = z.object({ frozen: z.array(name).check(z.maxLength(50)) })
export const ThawVolumesParams = z.object({ volumes: z.array(name).check(z.minLength(1), z.maxLength(50)) })

/** Mounts an attached volume into a container that runs, and takes it out again. */
export const MountVolumeParams = z.object({ container: name, volume: name, path: absolutePath, subPath: text(4096), readOnly: z.boolean() })
export const UnmountVolumeParams = z.object({ container: name, path: absolutePath, force: z.boolean() })

/** Gives a container that runs the node of an attached volume of mode block. `unmountVolume` and `detachVolume` take it back. Agents of the first volumes do not know it. */
export const AddVolumeDeviceParams = z.object({ container: name, volume: name, path: absolutePath })

/** How full file systems of attached volumes are. `halted`: after a write that was not carried out its kernel takes no more of them, until it is mounted anew; agents of before do not say it. */
export const diskUsage = z.array(z.object({ name, fsBytes: bytes, usedBytes: bytes, halted: z.optional(z.boolean()) })).check(z.maxLength(50))

/** What each method of volumes takes. An agent of before answers InvalidRequest to them. */
export const volumeMethods = {
  attachVolume: AttachVolumeParams,
  detachVolume: DetachVolumeParams,
  growVolume: GrowVolumeParams,
  freezeVolumes: FreezeVolumesParams,
  thawVolumes: ThawVolumesParams,
  mountVolume: MountVolumeParams,
  unmountVolume: UnmountVolumeParams,
  addVolumeDevice: AddVolumeDeviceParams,
} as const

const Empty = z.object({})

/** What each of them answers. */
export const volumeResults = {
  attachVolume: AttachVolumeResult,
  detachVolume: DetachVolumeResult,
  growVolume: GrowVolumeResult,
  freezeVolumes: FreezeVolumesResult,
  thawVolumes: Empty,
  mountVolume: Empty,
  unmountVolume: Empty,
  addVolumeDevice: Empty,
} as const satisfies Record<keyof typeof volumeMethods, z.ZodMiniType>

export type AttachVolumeParams = z.infer<typeof AttachVolumeParams>
export type AttachVolumeResult = z.infer<typeof AttachVolumeResult>
export type DetachVolumeParams = z.infer<typeof DetachVolumeParams>
export type DetachVolumeResult = z.infer<typeof DetachVolumeResult>
export type FreezeVolumesParams = z.infer<typeof FreezeVolumesParams>
export type MountVolumeParams = z.infer<typeof MountVolumeParams>
export type AddVolumeDeviceParams = z.infer<typeof AddVolumeDeviceParams>
export type UnmountVolumeParams = z.infer<typeof UnmountVolumeParams>
