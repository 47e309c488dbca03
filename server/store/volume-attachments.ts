import type { Database } from './database'

/** The names of pods that are there, by uid: an attachment outlives its pod. */
export async function podNamesOf(db: Database, podUids: readonly string[]): Promise<Map<string, { namespace: string; name: string }>> {
  const rows = await db.pod.findMany({ where: { uid: { in: [...new Set(podUids)] } }, select: { uid: true, namespace: true, name: true } })
  return new Map(rows.map(({ uid, ...pod }) => [uid, pod]))
}
