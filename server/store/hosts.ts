import type { HelloInput } from '@/contracts/host/v1'
import type { Database } from './database'

export const findHostByKey = (db: Database, publicKey: string) => db.host.findUnique({ where: { publicKey } })

/** Registers the machine's own host at migration; a new key of the same name takes its place. */
export const registerHost = (db: Database, name: string, publicKey: string) => db.host.upsert({ where: { name }, create: { name, publicKey }, update: { publicKey } })

/** Stores what a host said at its hello; it is Ready from then on. Only the gateway calls this. */
export const recordHello = (db: Database, id: string, hello: HelloInput) =>
  db.host.update({ where: { id }, data: { bootId: hello.bootId, hello: { ...hello, signature: '' }, phase: 'Ready', lastHeartbeat: new Date() } })

/** By the database's clock, which is also the one that judges heartbeats. Returns whether this boot is still the current one. */
export async function recordHeartbeat(db: Database, id: string, bootId: string): Promise<boolean> {
  return (await db.$executeRaw`update "Host" set "lastHeartbeat" = now() where "id" = ${id}::uuid and "bootId" = ${bootId}::uuid`) > 0
}

/** A host that was Unknown and speaks again is Ready; only on change, for the feed's sake. */
export const reviveHost = (db: Database, id: string) => db.host.updateMany({ where: { id, phase: { not: 'Ready' } }, data: { phase: 'Ready' } })

/** Marks hosts that were silent for `seconds` as Unknown; their pods are then Unknown, never Stopped. Returns their names. */
export async function markSilentHosts(db: Database, seconds: number): Promise<{ id: string; name: string }[]> {
  return db.$queryRaw<{ id: string; name: string }[]>`
    update "Host" set "phase" = 'Unknown' where "phase" = 'Ready' and "lastHeartbeat" < now() - make_interval(secs => ${seconds}) returning "id", "name"`
}

export const listHosts = (db: Database) => db.host.findMany({ orderBy: { name: 'asc' }, include: { pods: { select: { spec: true, report: { select: { phase: true } } } } } })
export const findHostByName = (db: Database, name: string) => db.host.findUnique({ where: { name }, include: { pods: { select: { spec: true, report: { select: { phase: true } } } } } })
export const setUnschedulable = (db: Database, name: string, unschedulable: boolean) => db.host.update({ where: { name }, data: { unschedulable, generation: { increment: 1 } } })

/** The pods of a host for operators: names alone, since operators do not see into tenants. */
export const listHostPods = (db: Database, hostId: string) =>
  db.pod.findMany({ where: { hostId }, select: { namespace: true, name: true, createdAt: true, report: { select: { phase: true } }, tenant: { select: { slug: true } } }, orderBy: { createdAt: 'desc' }, take: 500 })
