import { z } from 'zod'
import { hostEvent, imageReport, maxExternalReports, podReport, reportInput, type ReportInput } from '@/contracts/host/v1'
import { externalReport, type ExternalReport } from '@/contracts/host/v1/external'
import { maxVolumeReports, storeReport, volumeReport, type StoreReport, type VolumeReport } from '@/contracts/host/v1/volumes'
import type { Logger } from '@/platform/logger'
import type { NamedVolume } from './held-volumes'
import { namedVolumesOf } from './named-volumes'

const entries = z.array(z.unknown()).max(10_000)
/** What the gateway takes of a host: each entry is read by itself, so that one that cannot be read costs no other. */
export const receivedReport = reportInput.extend({ pods: entries, events: entries, images: entries, external: z.array(z.unknown()).max(maxExternalReports).optional(), volumes: z.array(z.unknown()).max(maxVolumeReports).optional(), stores: entries.optional() })

export type ExternalName = Pick<ExternalReport, 'kind' | 'uid'>
/**
 * `named`: the pods that the host knows, also those of which it said what cannot be read: they are not gone. `answering`: the same of balancers and addresses of the outside that are not gone;
 * null: it cannot be told which all of them are. `namedVolumes`: the same of what it may have open of volumes and snapshots.
 */
export type ReadReport = ReportInput & { external: ExternalReport[]; volumes: VolumeReport[]; stores: StoreReport[]; named: string[]; answering: ExternalName[] | null; namedVolumes: NamedVolume[] | null }

const externalName = externalReport.pick({ kind: true, uid: true })

const podOf = { pods: z.object({ uid: z.uuid() }).transform(({ uid }) => uid), events: z.object({ podUid: z.uuid() }).transform(({ podUid }) => podUid), images: z.never(), external: z.never(), volumes: z.never(), stores: z.never() }
const maxLogged = 20

/**
 * Reads a report; what cannot be read is left out and logged with its pod. Pods and events are in the order of pods' uids, in
 * which everybody holds pods: in the host's order two transactions could wait for each other.
 */
export function readReport({ pods, events, images, external = [], volumes = [], stores = [], ...report }: z.output<typeof receivedReport>, hostId: string, log: Logger): ReadReport {
  const drops: Drop[] = []
  const read = <T>(kind: keyof typeof podOf, schema: z.ZodType<T>, list: readonly unknown[]): T[] => list.flatMap((entry) => {
    const { success, data, error } = schema.safeParse(entry)
    if (success) return [data]
    const [issue] = error.issues
    drops.push({ kind, podUid: podOf[kind].safeParse(entry).data ?? null, problem: issue ? `${issue.path.join('.')}: ${issue.message}` : '' })
    return []
  })
  const known = read('pods', podReport, pods).sort((a, b) => byText(a.uid, b.uid))
  const lost = drops.flatMap(({ podUid }) => podUid ?? [])
  const told = read('events', hostEvent, events).sort((a, b) => byText(a.podUid, b.podUid))
  const outside = read('external', externalReport, external).sort((a, b) => byText(a.uid, b.uid))
  const answering = report.complete ? answeringOf(external, outside) : []
  const namedVolumes = report.complete ? namedVolumesOf(volumes) : []
  const result = { ...report, pods: known, events: told, images: read('images', imageReport, images), external: outside, volumes: read('volumes', volumeReport, volumes), stores: read('stores', storeReport, stores), named: [...known.map(({ uid }) => uid), ...lost], answering, namedVolumes }
  if (drops.length > 0) log.warn({ hostId, dropped: drops.length, first: drops.slice(0, maxLogged) }, 'parts of a host’s report cannot be read and are left out: look whether host and server are of versions that fit')
  if (answering === null) log.error({ hostId, entries: external.length }, 'it cannot be read what a host answers for on the outside: it keeps what it has, and is told nothing new, until it connects anew: look whether host and server are of versions that fit')
  if (namedVolumes === null) log.error({ hostId, entries: volumes.length }, 'it cannot be read what a host may have open of volumes: it keeps what it has, and is told nothing new of volumes, until it connects anew: look whether host and server are of versions that fit')
  return result
}

function answeringOf(entries: readonly unknown[], read: readonly ExternalReport[]): ExternalName[] | null {
  const unread = read.length === entries.length ? [] : entries.filter((entry) => !externalReport.safeParse(entry).success).map((entry) => externalName.safeParse(entry).data)
  // As many as there may be at most may be a part of more.
  if (entries.length >= maxExternalReports || unread.includes(undefined)) return null
  return [...read.filter(({ phase }) => phase !== 'Gone').map(({ kind, uid }) => ({ kind, uid })), ...unread.flatMap((one) => one ?? [])]
}

type Drop = { kind: keyof typeof podOf; podUid: string | null; problem: string }
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
