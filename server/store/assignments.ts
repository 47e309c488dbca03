import { assignment, type Assignment } from '@/contracts/host/v1'
import { networkSpec, type NetworkSpec } from '@/domain/network/spec'
import { podSpec, type PodSpec } from '@/domain/pod/spec'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import type { Database, Transaction } from './database'
import { withUploads } from './image-uploads'
import { withVolumes } from './volume-attachments'

/** A bound or deleted pod with all that the pod controller plans from. */
export type BoundPod = {
  uid: string
  tenantId: string
  namespace: string
  name: string
  generation: number
  deletedAt: Date | null
  graceSeconds: number | null
  /** It shall go without its host's word, where that host is silent. */
  forced: boolean
  /** Known of one that is forced alone. */
  hostSilent: boolean
  hostId: string | null
  labels: Labels
  annotations: Labels
  spec: PodSpec
  network: { uid: string; number: number; name: string; spec: NetworkSpec }
  /** At most one a family, IPv4 first. */
  addresses: { address: string; mac: string }[]
  assignment: Assignment | null
  reportPhase: string | null
}

type Narrow = { uids?: string[]; networkId?: string; withoutAddress?: boolean }
const bound = (of: Narrow) => ({ OR: [{ hostId: { not: null } }, { deletedAt: { not: null } }], ...(of.uids ? { uid: { in: of.uids } } : {}), ...(of.networkId ? { networkId: of.networkId } : {}), ...(of.withoutAddress ? { addresses: { none: {} } } : {}) })

/** The uids of {@link listBoundPods}, without reading what may not be readable. */
export const listBoundPodUids = async (db: Database, of: Narrow = {}): Promise<string[]> => (await db.pod.findMany({ where: bound(of), select: { uid: true }, orderBy: { uid: 'asc' } })).map((row) => row.uid)

/** The pods whose controller may have something to do: bound or being deleted. `of` narrows to those with the uids, in the network, without an address. */
export async function listBoundPods(db: Database, of: Narrow = {}): Promise<BoundPod[]> {
  const rows = await db.pod.findMany({
    where: bound(of),
    include: { network: true, addresses: { select: { address: true, mac: true }, orderBy: { address: 'asc' } }, assignment: true, report: { select: { phase: true } } },
    orderBy: { uid: 'asc' },
  })
  const silent = await silentHosts(db, rows.flatMap(({ forced, hostId }) => (forced && hostId ? [hostId] : [])))
  return rows.map((row) => ({
    uid: row.uid, tenantId: row.tenantId, namespace: row.namespace, name: row.name, generation: row.generation,
    deletedAt: row.deletedAt, graceSeconds: row.graceSeconds, forced: row.forced, hostSilent: row.hostId !== null && silent.has(row.hostId), hostId: row.hostId, labels: labels.parse(row.labels), annotations: annotations.parse(row.annotations), spec: podSpec.parse(row.spec),
    network: { uid: row.network.uid, number: row.network.number, name: row.network.name, spec: networkSpec.parse(row.network.spec) },
    addresses: row.addresses, assignment: row.assignment ? assignment.parse(row.assignment.document) : null, reportPhase: row.report?.phase ?? null,
  }))
}

/** Holds a pod until the transaction ends, before anything else of it or of its network is held. Returns whether it is there. */
export const holdPod = async (tx: Transaction, podUid: string): Promise<boolean> => (await tx.$queryRaw<unknown[]>`select 1 from "Pod" where "uid" = ${podUid}::uuid for no key update`).length > 0

/** Writes what the host shall do. Only the pod controller calls this. */
export const putAssignment = (db: Database, hostId: string, document: Assignment) =>
  db.podAssignment.upsert({ where: { podUid: document.uid }, create: { podUid: document.uid, hostId, document }, update: { document } })

/** Which of these are not heard of. Few pods are forced, and a start does not wait for an answer that only those need. */
async function silentHosts(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = ids.length === 0 ? [] : await db.host.findMany({ where: { id: { in: [...ids] }, phase: 'Unknown' }, select: { id: true } })
  return new Set(rows.map(({ id }) => id))
}

/** The complete desired set of a host. */
export async function listAssignments(db: Database, hostId: string): Promise<Assignment[]> {
  const rows = await db.podAssignment.findMany({ where: { hostId }, orderBy: { podUid: 'asc' } })
  return withVolumes(db, hostId, await withUploads(db, rows.map((row) => assignment.parse(row.document))))
}

/** Those of the pods that a host has reported of: it has them. */
export const listReported = async (db: Database, hostId: string, podUids: string[]): Promise<string[]> => (await db.podReport.findMany({ where: { hostId, podUid: { in: podUids } }, select: { podUid: true } })).map((row) => row.podUid)

/** Removes all rows of a pod whose host reported it gone (or that never had one). */
export async function removePod(tx: Transaction, podUid: string): Promise<void> {
  // The pod first, as a report of it does: two who lock in another order would wait for each other.
  await tx.$queryRaw`select 1 from "Pod" where "uid" = ${podUid}::uuid for update`
  await tx.networkAddress.deleteMany({ where: { podUid } })
  await tx.podAssignment.deleteMany({ where: { podUid } })
  await tx.podReport.deleteMany({ where: { podUid } })
  await tx.pod.deleteMany({ where: { uid: podUid } })
}
