import type { HelloInput } from '@/contracts/host/v1'
import type { Database, Transaction } from './database'

export const findHostByKey = (db: Database, publicKey: string) => db.host.findUnique({ where: { publicKey } })

/** Registers the machine's own host at migration; a new key of the same name takes its place. */
export const registerHost = (db: Database, name: string, publicKey: string) => db.host.upsert({ where: { name }, create: { name, publicKey }, update: { publicKey } })

/**
 * Stores what a host said at its hello on this connection, which is the host's from then on; it is Ready. The time is the
 * database's, as a heartbeat's. False: it was declared lost, and nothing is stored. Only the gateway calls this.
 */
export async function recordHello(db: Database, id: string, hello: HelloInput, connection: string): Promise<boolean> {
  const said = JSON.stringify({ ...hello, signature: '', connection })
  return (await db.$executeRaw`update "Host" set "bootId" = ${hello.bootId}::uuid, "hello" = ${said}::jsonb, "phase" = 'Ready', "lastHeartbeat" = now() where "id" = ${id}::uuid and "lostAt" is null`) > 0
}

/**
 * Whether this is still the connection of the host, which stays so until the transaction's end: what was said on an older
 * one, perhaps to another process, must not come after what the newer one says.
 */
export async function holdConnection(tx: Transaction, id: string, connection: string): Promise<boolean> {
  return (await tx.$queryRaw<unknown[]>`select 1 from "Host" where "id" = ${id}::uuid and "hello" ->> 'connection' = ${connection} for share`).length > 0
}

/**
 * By the database's clock, which is also the one that judges heartbeats. `lease`: whether it knows that it may answer for nothing for ever, as it says on this connection,
 * if that is still the host's; null: as before. Returns whether this boot is still the current one.
 */
export async function recordHeartbeat(db: Database, id: string, bootId: string, lease: { connection: string; isKnown: boolean } | null = null): Promise<boolean> {
  return (await db.$executeRaw`
    update "Host" set "lastHeartbeat" = now(), "leaseToldAt" = case when ${lease === null} or "hello" ->> 'connection' is distinct from ${lease?.connection ?? ''} then "leaseToldAt" when ${lease?.isKnown ?? false} then coalesce("leaseToldAt", now()) end
    where "id" = ${id}::uuid and "bootId" = ${bootId}::uuid and "lostAt" is null`) > 0
}

/** The host may be told from now on that it may answer for ever. */
export const forgetLease = (db: Database, id: string) => db.host.updateMany({ where: { id, leaseToldAt: { not: null } }, data: { leaseToldAt: null } })

/** A host that was Unknown and speaks again is Ready, unless it was declared lost; only on change, for the feed's sake. */
export const reviveHost = (db: Database, id: string) => db.host.updateMany({ where: { id, phase: { not: 'Ready' }, lostAt: null }, data: { phase: 'Ready' } })

/** The hosts that are Ready, with the last sign of life of each. */
export const listReadyHosts = (db: Database) => db.host.findMany({ where: { phase: 'Ready' }, select: { id: true, name: true, lastHeartbeat: true } })

/** Marks a host as Unknown unless it was heard of since; its pods are then Unknown, never Stopped. */
export async function markSilentHost(db: Database, id: string, lastHeartbeat: Date | null): Promise<boolean> {
  return (await db.host.updateMany({ where: { id, phase: 'Ready', lastHeartbeat }, data: { phase: 'Unknown' } })).count > 0
}

export const listHosts = (db: Database) => db.host.findMany({ orderBy: { name: 'asc' }, include: { pods: { select: { spec: true, report: { select: { phase: true } } } } } })
export const findHostByName = (db: Database, name: string) => db.host.findUnique({ where: { name }, include: { pods: { select: { spec: true, report: { select: { phase: true } } } } } })
export const setUnschedulable = (db: Database, name: string, unschedulable: boolean) => db.host.update({ where: { name }, data: { unschedulable, generation: { increment: 1 } } })

/** The pods of a host for operators: names alone, since operators do not see into tenants. */
export const listHostPods = (db: Database, hostId: string) =>
  db.pod.findMany({ where: { hostId }, select: { namespace: true, name: true, createdAt: true, report: { select: { phase: true } }, tenant: { select: { slug: true } } }, orderBy: { createdAt: 'desc' }, take: 500 })
