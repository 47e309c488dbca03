import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { maxStoreReports } from '@/contracts/host/v1/volumes'
import { DomainError, invalidInput, notFound, type Problem } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import { isSamePlace, volumeStoreSpec, type VolumeStoreSpec } from '@/domain/volume-store/spec'
import { volumeStoreView, type VolumeStoreView } from '@/domain/volume-store/view'
import type { Actor } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database, Transaction } from '@/server/store/database'
import { hostsWithRemovalsIn } from '@/server/store/lost-removals'
import { recordAccountAudit } from '@/server/store/users'
import { isSilent } from '@/server/store/volume-reach'
import { countVolumeStores, deleteVolumeStore, findVolumeStore, holdVolumeStore, insertVolumeStore, listVolumeStores, promisedBytes, updateVolumeStore, type VolumeStoreRow } from '@/server/store/volume-stores'
import type { ServerContext } from '../context'
import { canonicalJson, ofPlatform, once } from '../idempotency'
import { checkRevision, nameTaken, requestId, resourceVersion } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'
import { onStores } from './on-stores'
import { wrapStoreKey } from './store-key'

/** As Ceph writes a user's key. */
const key = z.string().min(1, 'must not be empty').max(256).regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be the key as Ceph writes it, such as "AQC1…==", without its user or file')

export const volumeStoreReference = z.object({ name: dnsLabel })
export const createVolumeStoreInput = volumeStoreReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: volumeStoreSpec, key: key.optional(), requestId })
/** What is left out stays, the key too; `spec` comes as a whole. */
export const updateVolumeStoreInput = volumeStoreReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: volumeStoreSpec.optional(), key: key.optional(), resourceVersion })
/** `forgetRemovals`: what was removed for good, and lies on disks of lost hosts still, is nobody's to remove any more. */
export const deleteVolumeStoreInput = volumeStoreReference.extend({ forgetRemovals: z.boolean({ error: 'must be true or false' }).optional() })
export const listVolumeStoresOutput = z.object({ items: z.array(volumeStoreView) })

async function toViews(db: Database, rows: readonly VolumeStoreRow[]): Promise<VolumeStoreView[]> {
  const [promised, conditions] = [await promisedBytes(db), await listConditions(db, rows.map(({ uid }) => uid))]
  const bytes = (value: bigint | null) => (value === null ? null : Number(value))
  const lost = new Map<string, string[]>()
  for (const { uid, _count } of rows) if (_count.removals > 0) lost.set(uid, await hostsWithRemovalsIn(db, uid))
  return rows.map((row) => ({
    metadata: toMetadata(row),
    spec: volumeStoreSpec.parse(row.spec),
    status: {
      hasKey: row.wrappedKey !== null, volumes: row._count.volumes, snapshots: row._count.snapshots, promisedBytes: promised.get(row.uid) ?? 0, storageClasses: row.classes.map(({ name }) => name), removals: { count: row._count.removals, hosts: lost.get(row.uid) ?? [] },
      hosts: row.hosts.map(({ host, reachable, message, totalBytes, freeBytes, updatedAt }) => ({ host: host.name, heard: !isSilent(host), reachable, message, totalBytes: bytes(totalBytes), freeBytes: bytes(freeBytes), at: updatedAt.toISOString() })).sort((a, b) => (a.host < b.host ? -1 : 1)),
      conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition),
    },
  }))
}

export const listVolumeStoreViews = async ({ db }: ServerContext): Promise<z.output<typeof listVolumeStoresOutput>> => ({ items: await toViews(db, await listVolumeStores(db)) })

export async function getVolumeStore(db: Database, { name }: z.output<typeof volumeStoreReference>): Promise<VolumeStoreView> {
  const row = await findVolumeStore(db, name)
  const [view] = row ? await toViews(db, [row]) : []
  if (!view) throw notFound('VolumeStore', name)
  return view
}

/** Where a store is, in one line for the audit; nothing of its key. */
const said = (spec: VolumeStoreSpec): string => (spec.kind === 'file' ? `file ${spec.folder ?? 'in each host’s folder'}${spec.shared ? ', shared' : ''}` : `rbd ${spec.pool} at ${spec.monitors.join(' ')} as ${spec.user}`)
const audit = (tx: Transaction, actor: Actor, verb: string, name: string, detail: string) => recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: `volumeStore.${verb}`, kind: 'VolumeStore', name, detail })

function problemsOfKey(spec: VolumeStoreSpec, given: string | undefined, has: boolean): Problem[] {
  if (spec.kind === 'file') return given === undefined ? [] : [{ path: 'key', line: null, message: 'is of a store in Ceph: a folder has none' }]
  return given === undefined && !has ? [{ path: 'key', line: null, message: 'is required: hosts open images with it' }] : []
}

export function createVolumeStore(ctx: ServerContext, actor: Actor, input: z.output<typeof createVolumeStoreInput>): Promise<VolumeStoreView> {
  const { name, labels, annotations, spec, key: given, requestId } = input
  return onStores(ctx.db, (tx) => once(tx, ofPlatform(actor), { requestId, procedure: 'volumeStore.create', input, output: volumeStoreView }, async () => {
    if (await findVolumeStore(tx, name)) throw nameTaken('store of volumes', name)
    if ((await countVolumeStores(tx)) >= maxStoreReports) throw new DomainError('failed_precondition', `There are ${maxStoreReports} stores of volumes, which is the limit: delete one that is not needed.`)
    refuse([...(await problemsOfPlace(tx, ctx, spec, null)), ...problemsOfKey(spec, given, false)])
    const uid = randomUUID()
    await insertVolumeStore(tx, { uid, name, labels, annotations, spec, wrappedKey: given === undefined ? null : wrapStoreKey(ctx.keyRing, uid, given) })
    await audit(tx, actor, 'create', name, said(spec))
    return getVolumeStore(tx, { name })
  }))
}

const placeOf = (spec: VolumeStoreSpec): string | undefined => (spec.kind === 'file' ? spec.folder : spec.pool)
/**
 * Two stores at one place would take each other's volumes for rubbish. `but`: the store itself as it is, which may be where another one is since before: what does not bring it there is not refused. Hosts' own folder is taken to
 * be the one that is set here.
 */
async function problemsOfPlace(tx: Transaction, { config }: ServerContext, spec: VolumeStoreSpec, but: { uid: string; spec: VolumeStoreSpec } | null): Promise<Problem[]> {
  const others = (await listVolumeStores(tx)).filter(({ uid }) => uid !== but?.uid).map(({ name, spec: other }) => ({ name, spec: volumeStoreSpec.parse(other) }))
  const wasThere = (other: VolumeStoreSpec) => but !== null && placeOf(but.spec) === placeOf(spec) && isSamePlace(but.spec, other, config.volumesFolder)
  const taken = others.find((other) => isSamePlace(spec, other.spec, config.volumesFolder) && !wasThere(other.spec))
  return taken ? [{ path: spec.kind === 'file' ? 'spec.folder' : 'spec.pool', line: null, message: `is where the store "${taken.name}" keeps its volumes${spec.kind === 'file' ? ', or lies in its folder or around it' : ''}: two stores at one place would remove each other's. Name another ${spec.kind === 'file' ? 'folder' : 'pool'}, or use that store` }] : []
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw invalidInput(problems)
}

/** What was removed for good lies there until its host is back: at another place that would find nothing, and say that all is removed. Null: nothing does. */
async function leftIn(tx: Transaction, { uid, _count }: VolumeStoreRow): Promise<string | null> {
  if (_count.removals === 0) return null
  const hosts = (await hostsWithRemovalsIn(tx, uid)).map((name) => `"${name}"`).join(', ')
  return `${_count.removals} volumes and snapshots that were removed for good lie in it still, on disks of hosts that were declared lost (${hosts}): readmit those hosts, so that they remove them`
}

/** What its volumes are in stays where they are; how it is reached may change. `left`: what lies there that was removed for good. */
function problemsOfChange(before: VolumeStoreSpec, after: VolumeStoreSpec, { volumes, snapshots }: { volumes: number; snapshots: number }, left: string | null): Problem[] {
  if (before.kind !== after.kind) return [{ path: 'spec.kind', line: null, message: 'cannot change: make another store' }]
  if (volumes + snapshots === 0 && left === null) return []
  const why = volumes + snapshots > 0 ? `tenants have ${volumes} volumes and ${snapshots} snapshots in it, which would not be found any more: make another store` : `${left ?? ''}, or make another store`
  const place = (spec: VolumeStoreSpec): Record<string, unknown> => (spec.kind === 'file' ? { folder: spec.folder, shared: spec.shared } : { pool: spec.pool })
  const now = place(before)
  return Object.entries(place(after)).filter(([field, value]) => value !== now[field]).map(([field]) => ({ path: `spec.${field}`, line: null, message: `cannot change while ${why}` }))
}

export function changeVolumeStore(ctx: ServerContext, actor: Actor, input: z.output<typeof updateVolumeStoreInput>): Promise<VolumeStoreView> {
  const { name } = input
  return onStores(ctx.db, async (tx) => {
    await holdVolumeStore(tx, name)
    const row = await findVolumeStore(tx, name)
    if (!row) throw notFound('VolumeStore', name)
    checkRevision('VolumeStore', row, input.resourceVersion)
    const before = volumeStoreSpec.parse(row.spec)
    const { labels, annotations } = toMetadata(row)
    const after = { labels: input.labels ?? labels, annotations: input.annotations ?? annotations, spec: input.spec ?? before }
    const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
    if (!specChanged && input.key === undefined && canonicalJson([labels, annotations]) === canonicalJson([after.labels, after.annotations])) return getVolumeStore(tx, { name })
    const placed = specChanged ? await problemsOfPlace(tx, ctx, after.spec, { uid: row.uid, spec: before }) : []
    refuse([...problemsOfChange(before, after.spec, row._count, await leftIn(tx, row)), ...placed, ...problemsOfKey(after.spec, input.key, row.wrappedKey !== null)])
    await updateVolumeStore(tx, row.uid, { ...after, ...(input.key === undefined ? {} : { wrappedKey: wrapStoreKey(ctx.keyRing, row.uid, input.key) }), specChanged })
    await audit(tx, actor, 'update', name, [specChanged ? `${said(before)} to ${said(after.spec)}` : '', input.key === undefined ? '' : 'another key'].filter(Boolean).join(', '))
    return getVolumeStore(tx, { name })
  })
}

/** Deletes a store in which nothing is kept; the folder or the pool stays as it is. */
export function removeVolumeStore(ctx: ServerContext, actor: Actor, { name, forgetRemovals }: z.output<typeof deleteVolumeStoreInput>): Promise<{ deleting: true }> {
  return onStores(ctx.db, async (tx) => {
    await holdVolumeStore(tx, name)
    const row = await findVolumeStore(tx, name)
    if (!row) throw notFound('VolumeStore', name)
    const { volumes, snapshots } = row._count
    if (volumes + snapshots > 0) throw new DomainError('failed_precondition', `The store "${name}" cannot be deleted: tenants have ${volumes} volumes and ${snapshots} snapshots in it, deleted ones that can be restored among them.`)
    if (row.classes.length > 0) throw new DomainError('failed_precondition', `The store "${name}" cannot be deleted: delete its storage classes first: ${row.classes.map((one) => one.name).join(', ')}.`)
    const left = await leftIn(tx, row)
    if (left !== null && !forgetRemovals) throw new DomainError('failed_precondition', `The store "${name}" cannot be deleted: ${left}; or, where those disks are gone for good, delete it with "forgetRemovals": true.`)
    await deleteVolumeStore(tx, row.uid)
    await audit(tx, actor, 'delete', name, `${said(volumeStoreSpec.parse(row.spec))}${left === null ? '' : `; ${row._count.removals} volumes and snapshots that were removed for good stay on disks of lost hosts`}`)
    return { deleting: true as const }
  })
}
