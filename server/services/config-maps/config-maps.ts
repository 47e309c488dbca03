import { z } from 'zod'
import { configurationGenerateName, configurationName } from '@/domain/config-map/content'
import { configMapContent, configMapSizes } from '@/domain/config-map/spec'
import { configMapSummary, type ConfigMapSummary } from '@/domain/config-map/view'
import { problemCollector, check } from '@/domain/manifest/check'
import type { ConfigMapManifest } from '@/domain/manifest/parse'
import { invalidInput, notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { deleteConfigMap, findConfigMap, insertConfigMap, updateConfigMap, type ConfigMapRow } from '@/server/store/config-maps'
import { findConfiguration, holdConfiguration, holdNamespace } from '@/server/store/configuration-objects'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { generatedName } from '../generated-name'
import { canonicalJson, once } from '../idempotency'
import { admitConfiguration, checkRevision, immutableProblem, nameTaken, toSummary } from './configuration-lists'

const values = z.record(z.string(), z.string())
export const configMapReference = z.object({ namespace: dnsLabel.default('default'), name: configurationName })
export const createConfigMapInput = z
  .object({
    namespace: dnsLabel.default('default'), name: configurationName.optional(), generateName: configurationGenerateName.optional(),
    labels: labels.default({}), annotations: annotations.default({}),
    data: values.default({}),
    /** Base64. */
    binaryData: values.default({}),
    immutable: z.boolean().default(false), requestId: z.string().min(1).max(128).optional(),
  })
  .refine((i) => i.name !== undefined || i.generateName !== undefined, { path: ['name'], message: 'is required (or generateName)' })
/** What is left out stays; `data` and `binaryData` come together, each as a whole. With `resourceVersion` only the object that was read is changed. */
export const updateConfigMapInput = configMapReference
  .extend({ labels: labels.optional(), annotations: annotations.optional(), data: values.optional(), binaryData: values.optional(), immutable: z.boolean().optional(), resourceVersion: z.string().max(64).optional() })
  .refine((i) => (i.data === undefined) === (i.binaryData === undefined), { path: ['binaryData'], message: 'comes together with data: what is in neither is removed' })

function readContent(value: { data: Record<string, string>; binaryData: Record<string, string>; immutable: boolean }): ConfigMapManifest['content'] {
  const { problems, collect } = problemCollector()
  const content = check(configMapContent, value, [], collect)
  if (!content) throw invalidInput(problems)
  return content
}

/** Creates a ConfigMap. */
export function createConfigMap(ctx: ServerContext, scope: Scope, input: z.output<typeof createConfigMapInput>): Promise<ConfigMapSummary> {
  const { namespace, name, generateName, labels, annotations, data, binaryData, immutable, requestId } = input
  const manifest: ConfigMapManifest = { kind: 'ConfigMap', metadata: { namespace, labels, annotations, name: name ?? '', generateName: name === undefined ? (generateName ?? null) : null }, content: readContent({ data, binaryData, immutable }) }
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'configMap.create', input, output: configMapSummary }, async () => summaryOf(tx, scope, namespace, await insertManifest(tx, scope, manifest))))
}

async function insertManifest(tx: Transaction, scope: Scope, { metadata, content }: ConfigMapManifest): Promise<string> {
  const { namespace, labels, annotations } = metadata
  await admitConfiguration(tx, scope, 'ConfigMap', namespace)
  const name = metadata.generateName ? generatedName(metadata.generateName) : metadata.name
  if (await findConfigMap(tx, scope, namespace, name)) throw nameTaken('ConfigMap', namespace, name)
  await insertConfigMap(tx, scope, { namespace, name, labels, annotations, ...stored(content) })
  await recordAudit(tx, scope, { action: 'configMap.create', kind: 'ConfigMap', namespace, name })
  return name
}

function stored(content: ConfigMapManifest['content']) {
  const keys = configMapSizes(content)
  return { ...content, keys, bytes: Object.values(keys).reduce((sum, size) => sum + size, 0) }
}

/** Creates or changes a ConfigMap as a manifest says it. Returns what was done, and the name. */
export async function applyConfigMap(tx: Transaction, scope: Scope, manifest: ConfigMapManifest): Promise<{ action: 'created' | 'configured' | 'unchanged'; name: string }> {
  const { metadata, content } = manifest
  await holdNamespace(tx, scope, metadata.namespace)
  const existing = metadata.generateName ? null : await findHeld(tx, scope, metadata.namespace, metadata.name)
  if (!existing) return { action: 'created', name: await insertManifest(tx, scope, manifest) }
  const { labels, annotations } = metadata
  return { action: (await change(tx, scope, existing, { labels, annotations, content })) ? 'configured' : 'unchanged', name: metadata.name }
}

async function findHeld(tx: Transaction, scope: Scope, namespace: string, name: string): Promise<ConfigMapRow | null> {
  await holdConfiguration(tx, scope, 'ConfigMap', namespace, name)
  return findConfigMap(tx, scope, namespace, name)
}

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, scope: Scope, before: ConfigMapRow, after: { labels: Record<string, string>; annotations: Record<string, string>; content: ConfigMapManifest['content'] }): Promise<boolean> {
  const { labels, annotations, content } = after
  const changed = (['data', 'binaryData', 'immutable'] as const).filter((field) => canonicalJson(before[field]) !== canonicalJson(content[field]))
  if (before.immutable && changed[0]) throw immutableProblem('ConfigMap', before.name, changed[0])
  if (changed.length === 0 && canonicalJson([before.labels, before.annotations]) === canonicalJson([labels, annotations])) return false
  await updateConfigMap(tx, scope, before.uid, { labels, annotations, ...stored(content) })
  await recordAudit(tx, scope, { action: 'configMap.update', kind: 'ConfigMap', namespace: before.namespace, name: before.name })
  return true
}

const textMap = (value: unknown): Record<string, string> => values.parse(value)

export function updateConfigMapObject(ctx: ServerContext, scope: Scope, input: z.output<typeof updateConfigMapInput>): Promise<ConfigMapSummary> {
  const { namespace, name } = input
  return inTransaction(ctx.db, async (tx) => {
    const row = await findHeld(tx, scope, namespace, name)
    if (!row) throw notFound('ConfigMap', name)
    checkRevision('ConfigMap', row, input.resourceVersion)
    const content = readContent({ data: input.data ?? textMap(row.data), binaryData: input.binaryData ?? textMap(row.binaryData), immutable: input.immutable ?? row.immutable })
    await change(tx, scope, row, { labels: input.labels ?? textMap(row.labels), annotations: input.annotations ?? textMap(row.annotations), content })
    return summaryOf(tx, scope, namespace, name)
  })
}

async function summaryOf(db: Database, scope: Scope, namespace: string, name: string): Promise<ConfigMapSummary> {
  const row = await findConfiguration(db, scope, 'ConfigMap', namespace, name)
  if (!row) throw notFound('ConfigMap', name)
  return toSummary(row)
}

export function removeConfigMap(ctx: ServerContext, scope: Scope, reference: z.output<typeof configMapReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteConfigMapInTransaction(tx, scope, reference))
}

/** Deletes a ConfigMap, used or not, as Kubernetes does: pods that run keep what they have, and those that start say what is missing. */
export async function deleteConfigMapInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof configMapReference>): Promise<{ deleting: true }> {
  const row = await findConfigMap(tx, scope, namespace, name)
  if (!row) throw notFound('ConfigMap', name)
  await deleteConfigMap(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'configMap.delete', kind: 'ConfigMap', namespace, name })
  return { deleting: true }
}
