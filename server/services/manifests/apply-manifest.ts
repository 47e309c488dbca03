import { z } from 'zod'
import { maxManifestBytes, parsePath } from '@/domain/manifest/source'
import { parseManifest, type ManifestObject, type ParsedDocument } from '@/domain/manifest/parse'
import { podSpec } from '@/domain/pod/spec'
import { DomainError, type Problem } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { holdConfigurationOf } from '@/server/store/configuration-objects'
import { inTransaction, type Transaction } from '@/server/store/database'
import { findPod, updatePodMetadata } from '@/server/store/pods'
import { recordAudit } from '@/server/store/records'
import { applyConfigMap } from '../config-maps/config-maps'
import { applyNamespace } from '../namespaces/namespaces'
import { insertPodManifest } from '../pods/create-pod'
import { admitStorageWay } from '../pods/storage-way'
import { checkAddressOfPod } from '../floating-addresses/floating-addresses'
import { checkGroupsNamed } from '../security-groups/write-security-groups'
import { applySecret } from '../secrets/secret-objects'
import { digestForTenant } from '../secrets/secrets'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { applyNetworkObject, isNetworkKind, type NetworkObjectManifest } from './network-objects'
import { applyVolumeObject, isVolumeKind, type VolumeObjectManifest } from './volume-objects'

export const applyManifestInput = z.object({ yaml: z.string().max(maxManifestBytes, `must be at most ${maxManifestBytes >> 10} KiB: split the manifest`), dryRun: z.boolean().default(false), requestId: z.string().min(1).max(128).optional() })
const problem = z.object({ path: z.string(), line: z.number().int().nullable(), message: z.string() })
const applyResult = z.object({ kind: z.string(), namespace: z.string().nullable(), name: z.string(), action: z.enum(['created', 'configured', 'unchanged']), problems: z.array(problem) })
export const applyManifestOutput = z.object({ results: z.array(applyResult) })
type Output = z.output<typeof applyManifestOutput>
type Result = z.output<typeof applyResult>

/** Carries a result out of a transaction that must not commit. */
class Rollback extends Error {
  constructor(readonly output: Output) {
    super('rolled back')
  }
}

/** What applying a document of each kind takes. */
const writePermission = {
  Network: 'network.write', NetworkPeering: 'network.write', Namespace: 'namespace.write', ConfigMap: 'configMap.write', Secret: 'secret.write', Pod: 'pod.create',
  Service: 'service.write', Endpoints: 'service.write', SecurityGroup: 'securityGroup.write', NetworkPolicy: 'securityGroup.write', FloatingAddress: 'floatingAddress.write', Ingress: 'service.write',
  Volume: 'volume.write', PersistentVolumeClaim: 'volume.write', VolumeSnapshot: 'volume.write', SnapshotSchedule: 'volume.write',
} as const

/**
 * Networks come before the namespaces and whatever else names them, both before what is in namespaces, and configuration, rules and services
 * before the pods that name them or are behind them, whatever their order in the text. A volume comes before the claim that takes it, and both before a snapshot.
 */
const order = { Network: 0, FloatingAddress: 1, NetworkPeering: 1, Namespace: 1, ConfigMap: 2, Secret: 2, SecurityGroup: 2, NetworkPolicy: 2, Service: 2, Ingress: 3, Endpoints: 3, Volume: 2, PersistentVolumeClaim: 3, VolumeSnapshot: 4, SnapshotSchedule: 3, Pod: 4 } as const

/**
 * Applies every document or none. Each problem comes back at its document with path and line; with one anywhere, or with
 * `dryRun`, nothing is written.
 */
export async function applyManifest(ctx: ServerContext, scope: Scope, input: z.output<typeof applyManifestInput>): Promise<Output> {
  const { documents, problems } = parseManifest(input.yaml)
  const read = () => documents.map(toResult)
  const results = read()
  if (problems.length > 0) results.unshift({ kind: '', namespace: null, name: '', action: 'unchanged', problems })
  if (results.some((r) => r.problems.length > 0)) return { results }
  const requestId = input.dryRun ? undefined : input.requestId
  // The text may hold Secrets: what is kept to know the request again is a keyed digest of it.
  const sent = requestId === undefined ? '' : await digestForTenant(ctx.db, ctx.keyRing, scope, input.yaml)
  try {
    return await inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'manifest.apply', input: { sent }, output: applyManifestOutput }, () => applyAll(tx, ctx, scope, documents, read(), input.dryRun)), { repeatable: true })
  } catch (error) {
    if (error instanceof Rollback) return error.output
    throw error
  }
}

const toResult = ({ kind, namespace, name, problems }: ParsedDocument): Result => ({ kind, namespace, name, action: 'unchanged', problems: [...problems] })

async function applyAll(tx: Transaction, ctx: ServerContext, scope: Scope, documents: ParsedDocument[], results: Result[], dryRun: boolean): Promise<Output> {
  const work = documents.flatMap((document, i) => (document.object ? [{ document, object: document.object, result: results[i]! }] : []))
  work.sort((a, b) => order[a.object.kind] - order[b.object.kind])
  // Before any of them is held: see the store on the order.
  if (work.some(({ object }) => object.kind !== 'Pod' && object.kind !== 'Namespace')) await holdConfigurationOf(tx, scope)
  const attempt = async ({ document, result }: (typeof work)[number], act: () => Promise<Partial<Result>>) => {
    try {
      Object.assign(result, await act())
    } catch (error) {
      if (!(error instanceof DomainError) || error.code === 'internal') throw error
      result.problems.push(...withLines(error, document))
    }
  }
  for (const item of work) await attempt(item, () => applyObject(tx, ctx, scope, item.object))
  // Groups of one text may name each other, and addresses may change places, so this is looked at when all are there.
  for (const item of work) {
    const { object } = item
    if (object.kind === 'SecurityGroup') await attempt(item, () => checkGroupsNamed(tx, scope, object.metadata.name, object.spec).then(() => ({})))
    if (object.kind === 'FloatingAddress') await attempt(item, () => checkAddressOfPod(tx, scope, object.metadata.name).then(() => ({})))
  }
  const failed = results.some((r) => r.problems.length > 0)
  if (failed) for (const result of results) result.action = 'unchanged'
  if (failed || dryRun) throw new Rollback({ results })
  return { results }
}

function withLines(error: DomainError, document: ParsedDocument): Problem[] {
  if (error.problems.length === 0) return [{ path: '', line: document.lineOf([]), message: error.message }]
  return error.problems.map((p) => {
    const path = p.path === 'name' ? 'metadata.name' : p.path
    return { path, line: document.lineOf(parsePath(path)), message: p.path === 'name' ? error.message : p.message }
  })
}

const isNetworkObject = (object: ManifestObject): object is NetworkObjectManifest => isNetworkKind(object.kind)
const isVolumeObject = (object: ManifestObject): object is VolumeObjectManifest => isVolumeKind(object.kind)

async function applyObject(tx: Transaction, ctx: ServerContext, scope: Scope, object: ManifestObject): Promise<{ action: Result['action']; name: string }> {
  if (!scope.allows(writePermission[object.kind])) throw new DomainError('failed_precondition', `Your role does not allow to write objects of kind ${object.kind}: ask an admin of the tenant.`)
  if (isNetworkObject(object)) return { action: await applyNetworkObject(tx, ctx, scope, object), name: object.metadata.name }
  if (isVolumeObject(object)) return { action: await applyVolumeObject(tx, ctx, scope, object), name: object.metadata.name }
  if (object.kind === 'Namespace') return { action: await applyNamespace(tx, scope, object), name: object.metadata.name }
  if (object.kind === 'ConfigMap') return applyConfigMap(tx, scope, object)
  if (object.kind === 'Secret') return applySecret(tx, ctx, scope, object)
  const { metadata, spec } = object
  const existing = metadata.generateName ? null : await findPod(tx, scope, metadata.namespace, metadata.name)
  if (!existing) return { action: 'created', name: (await insertPodManifest(tx, ctx, scope, object)).metadata.name }
  if (existing.deletedAt) throw new DomainError('failed_precondition', `Pod "${metadata.name}" is still being deleted: wait until it is gone.`)
  if (canonicalJson(podSpec.parse(existing.spec)) !== canonicalJson(spec)) {
    throw new DomainError('failed_precondition', `The spec of pod "${metadata.name}" cannot change: delete the pod and create it anew.`, { problems: [{ path: 'spec', line: null, message: 'cannot change: delete the pod and create it anew' }] })
  }
  if (canonicalJson([existing.labels, existing.annotations]) === canonicalJson([metadata.labels, metadata.annotations])) return { action: 'unchanged', name: metadata.name }
  await admitStorageWay(tx, ctx, scope, { annotations: metadata.annotations, before: existing.annotations })
  await updatePodMetadata(tx, scope, existing.uid, { labels: metadata.labels, annotations: metadata.annotations })
  await recordAudit(tx, scope, { action: 'pod.update', kind: 'Pod', namespace: metadata.namespace, name: metadata.name })
  return { action: 'configured', name: metadata.name }
}
