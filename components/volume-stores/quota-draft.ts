import { z } from 'zod'
import { bytesQuantity, parseBytes } from '@/domain/shared/quantity'
import type { TenantVolumeQuota, VolumeQuota } from '@/domain/volume/offer'
import { formatBytes, formatCount } from '@/components/client/formats'

export type QuotaKind = keyof VolumeQuota
export type QuotaDraft = Record<QuotaKind, string>

const count = z.string().trim().regex(/^(\d{1,6}|)$/, 'must be a whole number, or be empty')
export const quotaDraft = z.object({ volumes: count, bytes: z.string().trim().refine((text) => text === '' || parseBytes(text) !== null, 'must be a quantity, such as "500Gi", or be empty'), snapshots: count })

/** What was said of the tenant so far; empty: nothing, so that the platform's setting counts. */
export const draftOf = ({ said: { volumes, bytes, snapshots } }: TenantVolumeQuota): QuotaDraft => ({ volumes: volumes.set === null ? '' : String(volumes.set), bytes: bytes.set === null ? '' : bytesQuantity(bytes.set), snapshots: snapshots.set === null ? '' : String(snapshots.set) })

/** Null: as much as the platform's setting says. */
export const wishOf = ({ volumes, bytes, snapshots }: QuotaDraft): Record<QuotaKind, number | null> => ({ volumes: numberOf('volumes', volumes), bytes: numberOf('bytes', bytes), snapshots: numberOf('snapshots', snapshots) })

const numberOf = (kind: QuotaKind, text: string): number | null => (text.trim() === '' ? null : kind === 'bytes' ? parseBytes(text.trim()) : Number(text))
const nouns = { volumes: 'volume', snapshots: 'snapshot' } as const
const amount = (kind: QuotaKind, value: number): string => (kind === 'bytes' ? formatBytes(value) : formatCount(value, nouns[kind]))

/** What stands below a field: what the tenant has now, what counts where the field is empty, and what follows where less is entered than it has. */
export function quotaHint({ quota, said }: TenantVolumeQuota, kind: QuotaKind, text: string): { use: string; over: string | null } {
  const { used } = quota[kind]
  const wished = numberOf(kind, text)
  const limit = wished !== null && Number.isFinite(wished) ? wished : said[kind].usual
  const more = kind === 'bytes' ? 'no volume is made or grows' : `no ${nouns[kind]} is made`
  return {
    use: `${amount(kind, used)} in use. Empty: ${amount(kind, said[kind].usual)}, as the platform’s setting says.`,
    over: used > limit ? `Less than in use, by ${amount(kind, used - limit)}: nothing is removed, but ${more} until it has less than that.` : null,
  }
}
