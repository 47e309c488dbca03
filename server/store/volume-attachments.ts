import { hotMounts, type HotMount } from '@/domain/volume/attachment'
import type { Assignment } from '@/contracts/host/v1'
import { assignedVolumes, persistentVolumes } from '@/domain/pod/persistent-volumes'
import { podSpec } from '@/domain/pod/spec'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'

/** The names of pods that are there, by uid: an attachment outlives its pod. */
export async function podNamesOf(db: Database, podUids: readonly string[]): Promise<Map<string, { namespace: string; name: string }>> {
  const rows = await db.pod.findMany({ where: { uid: { in: [...new Set(podUids)] } }, select: { uid: true, namespace: true, name: true } })
  return new Map(rows.map(({ uid, ...pod }) => [uid, pod]))
}

const ends = ['Succeeded', 'Failed', 'Gone']

/** A pod that shall get a volume while it runs: it stays until the transaction ends. `ended`: its containers run no more. */
export async function holdPodForVolume(tx: Transaction, scope: Scope, { namespace, name }: { namespace: string; name: string }) {
  await tx.$queryRaw`select 1 from "Pod" where "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} for key share`
  const row = await tx.pod.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, select: { uid: true, tenantId: true, namespace: true, name: true, hostId: true, deletedAt: true, spec: true, host: { select: { name: true } }, report: { select: { phase: true } } } })
  if (!row) return null
  const { spec, report, ...pod } = row
  return { ...pod, spec: podSpec.parse(spec), ended: ends.includes(report?.phase ?? '') }
}
export type PodForVolume = NonNullable<Awaited<ReturnType<typeof holdPodForVolume>>>

/** What a pod has of volumes or waits for. */
export async function attachmentsOfPod(db: Database, podUid: string): Promise<{ volumeUid: string; name: string; phase: string; mounts: HotMount[] }[]> {
  const rows = await db.volumeAttachment.findMany({ where: { podUid }, select: { volumeUid: true, name: true, phase: true, mounts: true } })
  return rows.map(({ mounts, ...row }) => ({ ...row, mounts: hotMounts.nullable().parse(mounts) ?? [] }))
}

/** A wish: the volume controller gives the volume to the pod's host once that may have it. */
export const insertHotAttachment = (tx: Transaction, scope: Scope, attachment: { volumeUid: string; podUid: string; name: string; readOnly: boolean; mounts: HotMount[] }) =>
  tx.volumeAttachment.create({ data: { ...attachment, tenantId: scope.tenantId }, select: { uid: true } })

/** Its pod shall not have it any more; `forced`: without the guest's sync. */
export const giveUpAttachment = (tx: Transaction, uid: string, forced: boolean) => tx.volumeAttachment.update({ where: { uid }, data: { wanted: false, ...(forced ? { forced } : {}), changedAt: new Date() }, select: { uid: true } })

/** The same assignments of a host, with which volumes those of their specs are: as far as the host may open them now. */
export async function withVolumes(db: Database, hostId: string, assignments: Assignment[]): Promise<Assignment[]> {
  const podUids = assignments.filter(({ spec }) => persistentVolumes(spec).length > 0).map(({ uid }) => uid)
  if (podUids.length === 0) return assignments
  const rows = await db.volumeAttachment.findMany({ where: { hostId, podUid: { in: podUids } }, select: { uid: true, podUid: true, volumeUid: true, name: true, readOnly: true, hostId: true, epoch: true, phase: true }, orderBy: { uid: 'asc' } })
  return assignments.map((one) => {
    const volumes = assignedVolumes(one.spec, hostId, rows.filter(({ podUid }) => podUid === one.uid))
    return volumes ? { ...one, volumes } : one
  })
}
