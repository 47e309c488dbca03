import { z } from 'zod'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from './database'

/** Pods whose spec names a volume by its name, three of them by namespace and name. */
export async function podsByVolumeName(tx: Transaction, scope: Scope, name: string): Promise<{ namespace: string; name: string }[]> {
  return tx.pod.findMany({ where: { tenantId: scope.tenantId, deletedAt: null, references: { some: { tenantId: scope.tenantId, kind: 'Volume', name } } }, select: { namespace: true, name: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: 3 })
}

/** What of a schedule names volumes; all else stays as it stands, also where this version cannot read it. */
const naming = z.object({ volumes: z.object({ names: z.array(z.json()) }).catchall(z.json()) }).catchall(z.json())

/** Schedules that name a volume name it so from now on; their names. */
export async function renameInSchedules(tx: Transaction, scope: Scope, from: string, to: string): Promise<string[]> {
  const rows = await tx.snapshotSchedule.findMany({ where: { tenantId: scope.tenantId, spec: { path: ['volumes', 'names'], array_contains: [from] } }, select: { uid: true, name: true, spec: true }, orderBy: { name: 'asc' } })
  for (const { uid, spec: stored } of rows) {
    const spec = naming.parse(stored)
    const names = [...new Set(spec.volumes.names.map((name) => (name === from ? to : name)))]
    await tx.snapshotSchedule.update({ where: { uid }, data: { spec: { ...spec, volumes: { ...spec.volumes, names } }, generation: { increment: 1 } }, select: { uid: true } })
  }
  return rows.map(({ name }) => name)
}
