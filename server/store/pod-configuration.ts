import { createHash } from 'node:crypto'
import type { ConfigurationReference } from '@/domain/pod/configuration'
import { Prisma } from '@/generated/prisma/client'
import type { Database } from './database'

/** What the values of all objects that one pod names may take, in bytes: one message to a host holds them, in base64, below its 16 MiB. */
export const maxPodConfigurationBytes = 8 << 20
const maxPodObjects = 200

/** An object that a pod names, and whether it is there. `fits` is false where it is, but a host's message has no room for it. */
export type NamedObject = { kind: ConfigurationReference['kind']; name: string; optional: boolean; uid: string | null; revision: bigint | null; bytes: number | null; fits: boolean }
/** The pod, its tenant and namespace, and what it names: in the order of kind and name. */
export type PodConfigurationState = { podUid: string; tenantId: string; namespace: string; name: string; generation: number; objects: NamedObject[] }

type Row = Omit<PodConfigurationState, 'objects'> & { kind: ConfigurationReference['kind']; objectName: string; optional: boolean; uid: string | null; revision: bigint | null; bytes: number | null }

/** An object counts only in the tenant and the namespace of the pod itself. */
const select = (where: Prisma.Sql): Prisma.Sql => Prisma.sql`
  select p."uid" as "podUid", p."tenantId", p."namespace", p."name", p."generation", r."kind", r."name" as "objectName", r."optional",
    coalesce(c."uid", s."uid") as "uid", coalesce(c."revision", s."revision") as "revision", coalesce(c."bytes", s."bytes") as "bytes"
  from "PodReference" r
  join "Pod" p on p."uid" = r."podUid"
  left join "ConfigMap" c on r."kind" = 'ConfigMap' and c."tenantId" = p."tenantId" and c."namespace" = p."namespace" and c."name" = r."name"
  left join "Secret" s on r."kind" = 'Secret' and s."tenantId" = p."tenantId" and s."namespace" = p."namespace" and s."name" = r."name"
  where r."kind" in ('ConfigMap', 'Secret') and ${where} order by p."uid", r."kind", r."name" collate "C"`

/** What the pods that are assigned to a host name; pods that name nothing are left out. */
export const listHostConfiguration = async (db: Database, hostId: string): Promise<PodConfigurationState[]> =>
  grouped(await db.$queryRaw<Row[]>(select(Prisma.sql`p."uid" in (select a."podUid" from "PodAssignment" a where a."hostId" = ${hostId}::uuid)`)))

/** What one pod names, or null when it names nothing or is being deleted. */
export const findPodConfiguration = async (db: Database, podUid: string): Promise<PodConfigurationState | null> =>
  grouped(await db.$queryRaw<Row[]>(select(Prisma.sql`p."uid" = ${podUid}::uuid and p."deletedAt" is null`)))[0] ?? null

/** The same, of a pod that stays until the transaction ends. */
export async function holdPodConfiguration(tx: Database, podUid: string): Promise<PodConfigurationState | null> {
  await tx.$queryRaw`select 1 from "Pod" where "uid" = ${podUid}::uuid for key share`
  return findPodConfiguration(tx, podUid)
}

function grouped(rows: Row[]): PodConfigurationState[] {
  const pods = new Map<string, PodConfigurationState & { room: number }>()
  for (const { kind, objectName, optional, uid, revision, bytes, ...pod } of rows) {
    const state = pods.get(pod.podUid) ?? { ...pod, objects: [], room: maxPodConfigurationBytes }
    pods.set(pod.podUid, state)
    const fits = (bytes ?? 0) <= state.room && state.objects.length < maxPodObjects
    if (fits) state.room -= bytes ?? 0
    state.objects.push({ kind, name: objectName, optional, uid, revision, bytes, fits })
  }
  return [...pods.values()].map(({ room: _, ...state }) => state)
}

/** The revision of what a pod names: another whenever an object of it is created, changed or deleted. */
export function configurationRevision({ objects }: PodConfigurationState): string {
  const lines = objects.map(({ kind, name, uid, revision }) => `${kind}/${name} ${uid ?? '-'} ${revision ?? '-'}\n`)
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 32)
}

export const findConfigMapValues = (db: Database, tenantId: string, uid: string) => db.configMap.findUnique({ where: { uid, tenantId }, select: { name: true, data: true, binaryData: true } })

/** A Secret's wrapped values and the tenant's wrapped key: what the gateway opens for a host. */
export const findSecretValues = (db: Database, tenantId: string, uid: string) =>
  db.secret.findUnique({ where: { uid, tenantId }, select: { name: true, type: true, value: true, tenant: { select: { key: true } } } })
