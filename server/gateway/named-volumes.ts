import { maxVolumeReports, volumeObjectKey, volumeReport } from '@/contracts/host/v1/volumes'
import { rightKey, type NamedVolume, type SaidOfRight } from './held-volumes'

const nameOf = volumeReport.pick({ kind: true, uid: true, phase: true })

/** What a host may have open, of all that it said in its first report, also of what cannot be read. Null: it cannot be told what all of it is; as many as there may be at most may be a part of more. */
export function namedVolumesOf(entries: readonly unknown[]): NamedVolume[] | null {
  if (entries.length >= maxVolumeReports) return null
  const named: NamedVolume[] = []
  for (const entry of entries) {
    const name = nameOf.safeParse(entry).data ?? nameOf.omit({ phase: true }).safeParse(entry).data
    if (!name) return null
    if ('phase' in name && name.phase === 'Gone') continue
    const report = volumeReport.safeParse(entry).data
    const rights = report ? new Map((report.attachments ?? []).flatMap((one): [string, SaidOfRight][] => (one.phase === 'Detached' ? [] : [[rightKey(one), one.phase]]))) : null
    named.push({ key: volumeObjectKey(name), epoch: report?.epoch ?? 0, rights })
  }
  return named
}
