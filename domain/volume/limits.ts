import { z } from 'zod'
import { quantityText, wholeNumber } from '../pod/fields'
import { parseBytes } from '../shared/quantity'

const mib = 2 ** 20
/** What the qcow2 images of our cluster size and our limit of file sizes reach with room to spare. */
export const maxVolumeBytes = 16 * 2 ** 40
export const minVolumeBytes = mib
/** xfs is made from 300 MiB on, and the guest leaves the last bytes of a disk free. */
export const minXfsBytes = 301 * mib
/** A virtual machine has 25 places for disks beside those it starts with; images need some. */
export const maxVolumesPerPod = 20
export const maxAttachmentsPerVolume = 500
export const maxSnapshotsPerVolume = 256
/** In a store of files each is a layer more of its volume's chain, which has 16 at most. */
export const maxSnapshotsOfFiles = 15
export const maxSnapshotsOf = (store: 'file' | 'rbd'): number => (store === 'file' ? maxSnapshotsOfFiles : maxSnapshotsPerVolume)
/** Of one instant together. */
export const maxSnapshotGroup = 50
/** Of a schedule by labels, which takes of each for itself, in one run. */
export const maxScheduledVolumes = 1000

/** Bytes as a quantity: a whole number of MiB, which every store and file system can have. */
export const volumeSize = quantityText
  .refine((text) => (parseBytes(text) ?? 0) >= minVolumeBytes, { error: 'must be a quantity of at least 1Mi, such as "10Gi"', abort: true })
  .refine((text) => (parseBytes(text) ?? 0) <= maxVolumeBytes, { error: 'must be at most 16Ti', abort: true })
  .refine((text) => (parseBytes(text) ?? 0) % mib === 0, 'must be a whole number of MiB, such as "10Gi"')

/** Of a quantity that {@link volumeSize} took. */
export const sizeBytesOf = (size: string): number => parseBytes(size) ?? 0

/** As Kubernetes' manifests ask for storage: at least so many bytes, in any unit. */
export const leastSize = quantityText
  .refine((text) => (parseBytes(text) ?? 0) > 0, { error: 'must be a quantity of bytes, such as "10Gi" or "10G"', abort: true })
  .refine((text) => (parseBytes(text) ?? 0) <= maxVolumeBytes, 'must be at most 16Ti')
/** The size of a volume that has at least so much, of a quantity that {@link leastSize} took: the next whole MiB. */
export function sizeOfAtLeast(least: string): string {
  const bytes = parseBytes(least) ?? 0
  return bytes > 0 && bytes % mib === 0 ? least : `${Math.max(1, Math.ceil(bytes / mib))}Mi`
}

const maxRate = 2 ** 40
const operations = wholeNumber(1, 10_000_000)
const byteRate = quantityText.refine((text) => (parseBytes(text) ?? 0) >= 4096, { error: 'must be a quantity of bytes a second of at least 4Ki, such as "100Mi"', abort: true }).refine((text) => (parseBytes(text) ?? 0) <= maxRate, 'must be at most 1Ti')

/** How much a volume may be asked for: operations and bytes a second, reads and writes together. A burst is allowed for at most `burstSeconds`, after as long a rest. */
export const volumeLimits = z
  .strictObject({ iops: operations.optional(), iopsBurst: operations.optional(), bytesPerSecond: byteRate.optional(), bytesPerSecondBurst: byteRate.optional(), burstSeconds: wholeNumber(1, 3600).optional() })
  .superRefine((limits, context) => {
    const burst = (rate: 'iops' | 'bytesPerSecond', of: (value: string | number) => number) => {
      const [usual, most] = [limits[rate], limits[`${rate}Burst`]]
      if (most === undefined) return
      if (usual === undefined) context.addIssue({ code: 'custom', path: [`${rate}Burst`], message: `is a burst over ${rate}, which is not set` })
      else if (of(most) < of(usual)) context.addIssue({ code: 'custom', path: [`${rate}Burst`], message: `must be at least ${rate}, ${usual}` })
    }
    burst('iops', Number)
    burst('bytesPerSecond', (value) => parseBytes(String(value)) ?? 0)
    if (limits.burstSeconds !== undefined && limits.iopsBurst === undefined && limits.bytesPerSecondBurst === undefined) context.addIssue({ code: 'custom', path: ['burstSeconds'], message: 'is of a burst, and none is set' })
  })
export type VolumeLimits = z.infer<typeof volumeLimits>

const usualBurstSeconds = 60

export type Rates = { iops: number | null; iopsBurst: number | null; bytesPerSecond: number | null; bytesPerSecondBurst: number | null; burstSeconds: number }
/** Limits as numbers, as hosts are told them; null: no bound. */
export function ratesOf(limits: VolumeLimits): Rates {
  const bytes = (text: string | undefined) => (text === undefined ? null : parseBytes(text))
  return { iops: limits.iops ?? null, iopsBurst: limits.iopsBurst ?? null, bytesPerSecond: bytes(limits.bytesPerSecond), bytesPerSecondBurst: bytes(limits.bytesPerSecondBurst), burstSeconds: limits.burstSeconds ?? usualBurstSeconds }
}

type Bound = { rate: number | null; burst: number | null }
/** What both allow: the lower rate, and over it no more than either lets through at any time. */
function lower(own: Bound, most: Bound): Bound {
  if (own.rate === null) return most
  if (most.rate === null) return own
  const rate = Math.min(own.rate, most.rate)
  const peak = Math.min(own.burst ?? own.rate, most.burst ?? most.rate)
  return { rate, burst: peak > rate ? peak : null }
}

/** What a volume may be asked for: its own limits, and never more than its class's, field by field. */
export function ratesWithin(own: VolumeLimits, ofClass: VolumeLimits): Rates {
  const [mine, most] = [ratesOf(own), ratesOf(ofClass)]
  const iops = lower({ rate: mine.iops, burst: mine.iopsBurst }, { rate: most.iops, burst: most.iopsBurst })
  const bytes = lower({ rate: mine.bytesPerSecond, burst: mine.bytesPerSecondBurst }, { rate: most.bytesPerSecond, burst: most.bytesPerSecondBurst })
  const seconds = [mine, most].flatMap(({ iopsBurst, bytesPerSecondBurst, burstSeconds }) => (iopsBurst === null && bytesPerSecondBurst === null ? [] : [burstSeconds]))
  return { iops: iops.rate, iopsBurst: iops.burst, bytesPerSecond: bytes.rate, bytesPerSecondBurst: bytes.burst, burstSeconds: seconds.length > 0 ? Math.min(...seconds) : usualBurstSeconds }
}

const limit = z.number().nullable()
export const limitName = z.enum(['iops', 'iopsBurst', 'bytesPerSecond', 'bytesPerSecondBurst', 'burstSeconds'])
/** What holds of a volume, operations and bytes a second; null: no bound, or no burst. `ofClass`: where that is its class's, for the volume's own is higher or it names none. */
export const effectiveLimits = z.object({ iops: limit, iopsBurst: limit, bytesPerSecond: limit, bytesPerSecondBurst: limit, burstSeconds: limit, ofClass: z.array(limitName) })
export type EffectiveLimits = z.infer<typeof effectiveLimits>

/** As {@link ratesWithin}, for people: which of them are the class's. */
export function limitsWithin(own: VolumeLimits, ofClass: VolumeLimits): EffectiveLimits {
  const told = (rates: Rates) => ({ ...rates, burstSeconds: rates.iopsBurst === null && rates.bytesPerSecondBurst === null ? null : rates.burstSeconds })
  const [held, alone] = [told(ratesWithin(own, ofClass)), told(ratesOf(own))]
  return { ...held, ofClass: limitName.options.filter((name) => held[name] !== alone[name]) }
}
