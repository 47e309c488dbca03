import { Prisma } from '@/generated/prisma/client'
import type { PodSpec } from '@/domain/pod/spec'
import { isShared, volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Database, Transaction } from './database'
import { resolvePodVolumes, type FoundVolume, type ResolvedVolume } from './volume-references'

/**
 * What a store has for more volumes, as the host of `s` sees it: less what was promised to volumes that are there and is not written yet, on the host's own disk or in a store that all see, and less what is left
 * free for what snapshots and clones take: a twentieth, and 1 GiB at most. Null: the host has not said how much is free. Of a statement with {@link promisedIn} and {@link joinPromised}.
 */
export const freeForVolumes = Prisma.sql`(s."freeBytes" - least(coalesce(s."totalBytes", 0) / 20, 1073741824) - coalesce(here."bytes", 0) - coalesce(everywhere."bytes", 0))`
/** What was promised in these stores and is not written yet, on each host's disk and, in a store that all see, to all: summed once, however many hosts there are. */
export const promisedIn = (storeIds: readonly string[]): Prisma.Sql => Prisma.sql`with "promised" as materialized (
  select v."storeId", v."homeHostId", sum(greatest(v."sizeBytes" - coalesce(v."storedBytes", 0), 0)) as "bytes" from "Volume" v
  where v."storeId" = any(${[...storeIds]}::uuid[]) and v."storedPhase" not in ('Failed', 'Purged') and (v."homeHostId" is not null or v."hostId" is not null or v."storedPhase" <> 'Absent') group by 1, 2)`
export const joinPromised = Prisma.sql`left join "promised" here on here."storeId" = s."storeId" and here."homeHostId" = s."hostId" left join "promised" everywhere on everywhere."storeId" = s."storeId" and everywhere."homeHostId" is null`

type Demand = { problem: string | null; homes: { hostId: string; volume: string }[]; stores: { storeId: string; newBytes: number }[] }
/** A pod that has no host yet. `volumes`: what they ask of it; null: it has none that outlive it. `unplaced`: those that will lie on its host's disk from now on. */
export type PodToPlace<T> = T & { volumes: Demand | null; unplaced: string[] }

/** What the volumes of pods ask of their hosts; in three queries, however many pods there are. */
export async function withVolumeDemands<T extends { uid: string; tenantId: string; namespace: string; spec: PodSpec }>(db: Database, pods: readonly T[]): Promise<PodToPlace<T>[]> {
  const resolved = await resolvePodVolumes(db, pods)
  const found = [...resolved.values()].flat().flatMap(({ volume }) => volume ?? [])
  const rows = found.length === 0 ? [] : await db.volumeStore.findMany({ where: { uid: { in: [...new Set(found.map(({ storeId }) => storeId))] } }, select: { uid: true, spec: true } })
  const shared = new Set(rows.flatMap(({ uid, spec }) => (isShared(volumeStoreSpec.parse(spec)) ? [uid] : [])))
  return pods.map((pod) => {
    const volumes = resolved.get(pod.uid)
    return { ...pod, ...(volumes ? demandOf(volumes, shared) : { volumes: null, unplaced: [] }) }
  })
}

function demandOf(resolved: readonly ResolvedVolume[], shared: ReadonlySet<string>): Pick<PodToPlace<unknown>, 'volumes' | 'unplaced'> {
  const volumes = resolved.flatMap(({ volume }) => volume ?? [])
  const isUnplaced = ({ storeId, homeHostId }: FoundVolume) => !shared.has(storeId) && homeHostId === null
  return {
    volumes: {
      problem: resolved.find(({ problem }) => problem !== null)?.problem?.message ?? null,
      homes: volumes.flatMap(({ homeHostId, name }) => (homeHostId === null ? [] : [{ hostId: homeHostId, volume: name }])),
      stores: storesOf(volumes),
    },
    unplaced: volumes.filter(isUnplaced).map(({ uid }) => uid),
  }
}

/** Each store once, with the bytes of all that is to be made in it; what has a home was promised its room there. */
function storesOf(volumes: readonly FoundVolume[]): Demand['stores'] {
  const bytes = new Map<string, number>()
  for (const { storeId, storedPhase, homeHostId, sizeBytes } of volumes) bytes.set(storeId, (bytes.get(storeId) ?? 0) + (storedPhase === 'Absent' && homeHostId === null ? Number(sizeBytes) : 0))
  return [...bytes].map(([storeId, newBytes]) => ({ storeId, newBytes }))
}

/** What each host says of these stores, by hosts and stores. */
export async function listHostStores(db: Database, storeIds: readonly string[]): Promise<Map<string, Map<string, { reachable: boolean; freeBytes: number | null }>>> {
  const rows = storeIds.length === 0 ? [] : await db.$queryRaw<{ hostId: string; storeId: string; reachable: boolean; freeBytes: number | null }[]>`
    ${promisedIn([...new Set(storeIds)])} select s."hostId", s."storeId", s."reachable", ${freeForVolumes}::float8 as "freeBytes" from "VolumeStoreHost" s ${joinPromised} where s."storeId" = any(${[...new Set(storeIds)]}::uuid[])`
  const byHost = new Map<string, Map<string, { reachable: boolean; freeBytes: number | null }>>()
  for (const { hostId, storeId, ...store } of rows) byHost.set(hostId, (byHost.get(hostId) ?? new Map<string, { reachable: boolean; freeBytes: number | null }>()).set(storeId, store))
  return byHost
}

/** These volumes lie on the host's disk from now on. False: one of them came to another one meanwhile; the transaction has to be given up. */
export async function bindVolumes(tx: Transaction, hostId: string, uids: readonly string[]): Promise<boolean> {
  if (uids.length === 0) return true
  const held = await tx.$queryRaw<{ uid: string; homeHostId: string | null }[]>`select "uid", "homeHostId" from "Volume" where "uid" = any(${[...uids]}::uuid[]) order by "uid" for update`
  if (held.length < uids.length || held.some(({ homeHostId }) => homeHostId !== null && homeHostId !== hostId)) return false
  await tx.volume.updateMany({ where: { uid: { in: [...uids] }, homeHostId: null }, data: { homeHostId: hostId } })
  return true
}
