import { z } from 'zod'
import { configurationGenerateName, configurationName } from '@/domain/config-map/content'
import { secretSummary, type SecretSummary } from '@/domain/config-map/view'
import { check, problemCollector } from '@/domain/manifest/check'
import type { SecretManifest } from '@/domain/manifest/parse'
import { secretAnnotations, secretContent, secretSizes } from '@/domain/secret/spec'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { dnsLabel, labels } from '@/domain/shared/names'
import { Secret } from '@/platform/crypto/secret'
import type { Scope } from '@/server/auth/scope'
import { findConfiguration, holdConfiguration, holdNamespace } from '@/server/store/configuration-objects'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { deleteSecretObject, findSecretObject, insertSecretObject, updateSecretObject, type SecretRow } from '@/server/store/secret-objects'
import { admitConfiguration, checkRevision, immutableProblem, nameTaken, toSummary } from '../config-maps/configuration-lists'
import type { ServerContext } from '../context'
import { generatedName } from '../generated-name'
import { canonicalJson, once } from '../idempotency'
import { certificateOf, foundCertificate, storedCertificateOf } from './secret-certificate'
import { digestForTenant, openSecret, putSecret } from './secrets'

type Parts = Pick<ServerContext, 'keyRing'>
const values = z.record(z.string(), z.string())
/** What the values of a Secret are wrapped for. */
const purpose = 'Secret'

export const secretReference = z.object({ namespace: dnsLabel.default('default'), name: configurationName })
export const createSecretInput = z
  .object({
    namespace: dnsLabel.default('default'), name: configurationName.optional(), generateName: configurationGenerateName.optional(),
    labels: labels.default({}), annotations: secretAnnotations.default({}),
    type: z.string().default('Opaque'),
    /** Base64. */
    data: values.default({}),
    stringData: values.default({}),
    immutable: z.boolean().default(false), requestId: z.string().min(1).max(128).optional(),
  })
  .refine((i) => i.name !== undefined || i.generateName !== undefined, { path: ['name'], message: 'is required (or generateName)' })
/**
 * What is left out stays. With `data`, `stringData` or `keep` the keys are those of the three and no others; the keys of
 * `keep` have the values that they had. With `resourceVersion` only the object that was read is changed.
 */
export const updateSecretInput = secretReference.extend({
  labels: labels.optional(), annotations: secretAnnotations.optional(), data: values.optional(), stringData: values.optional(), keep: z.array(z.string().max(253)).max(2000).optional(),
  immutable: z.boolean().optional(), resourceVersion: z.string().max(64).optional(),
})

function readContent(value: { type: string; data: Record<string, string>; stringData: Record<string, string>; immutable: boolean }): SecretManifest['content'] {
  const { problems, collect } = problemCollector()
  const content = check(secretContent, value, [], collect)
  if (!content) throw invalidInput(problems)
  return content
}

/** Creates a Secret. Its values are wrapped by the tenant's key before they are stored; the stored request holds a keyed digest of them. */
export async function createSecret(ctx: ServerContext, scope: Scope, input: z.output<typeof createSecretInput>): Promise<SecretSummary> {
  const { namespace, name, generateName, labels, annotations, type, data, stringData, immutable, requestId } = input
  const manifest: SecretManifest = { kind: 'Secret', metadata: { namespace, labels, annotations, name: name ?? '', generateName: name === undefined ? (generateName ?? null) : null }, content: readContent({ type, data, stringData, immutable }) }
  const sent = requestId === undefined ? '' : await digestForTenant(ctx.db, ctx.keyRing, scope, canonicalJson(input))
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'secret.create', input: { sent }, output: secretSummary }, async () => summaryOf(tx, scope, namespace, await insertManifest(tx, ctx, scope, manifest))))
}

async function insertManifest(tx: Transaction, parts: Parts, scope: Scope, { metadata, content }: SecretManifest): Promise<string> {
  const { namespace, labels, annotations } = metadata
  await admitConfiguration(tx, scope, 'Secret', namespace)
  const name = metadata.generateName ? generatedName(metadata.generateName) : metadata.name
  if (await findSecretObject(tx, scope, namespace, name)) throw nameTaken('Secret', namespace, name)
  const { type, immutable, data } = content
  const certificate = certificateOf(type, data)
  await insertSecretObject(tx, scope, { namespace, name, labels, annotations, type, immutable, ...sizesOf(data), certificate, valueId: await putValues(tx, parts, scope, data) })
  await recordAudit(tx, scope, { action: 'secret.create', kind: 'Secret', namespace, name })
  return name
}

const putValues = (tx: Transaction, parts: Parts, scope: Scope, data: Record<string, string>) => putSecret(tx, parts.keyRing, scope, purpose, new Secret(canonicalJson(data)))

function sizesOf(data: Record<string, string>) {
  const keys = secretSizes(data)
  return { keys, bytes: Object.values(keys).reduce((sum, size) => sum + size, 0) }
}

/** The values of a stored Secret in base64, by key. */
export async function openValues(db: Database, parts: Parts, scope: Scope, row: { valueId: string }): Promise<Record<string, string>> {
  return values.parse(JSON.parse((await openSecret(db, parts.keyRing, scope, row.valueId)).reveal()))
}

/** Creates or changes a Secret as a manifest says it. Whether the values differ is decided here; they leave in no answer. */
export async function applySecret(tx: Transaction, parts: Parts, scope: Scope, manifest: SecretManifest): Promise<{ action: 'created' | 'configured' | 'unchanged'; name: string }> {
  const { metadata, content } = manifest
  await holdNamespace(tx, scope, metadata.namespace)
  const existing = metadata.generateName ? null : await findHeld(tx, scope, metadata.namespace, metadata.name)
  if (!existing) return { action: 'created', name: await insertManifest(tx, parts, scope, manifest) }
  if (existing.type !== content.type) throw new DomainError('failed_precondition', `Secret "${existing.name}" is of type ${existing.type}, which cannot change: delete it and create it anew.`, { problems: [{ path: 'type', line: null, message: `cannot change from ${existing.type}: delete the Secret and create it anew` }] })
  const { labels, annotations } = metadata
  return { action: (await change(tx, parts, scope, existing, { labels, annotations, immutable: content.immutable, data: content.data })) ? 'configured' : 'unchanged', name: metadata.name }
}

async function findHeld(tx: Transaction, scope: Scope, namespace: string, name: string): Promise<SecretRow | null> {
  await holdConfiguration(tx, scope, 'Secret', namespace, name)
  return findSecretObject(tx, scope, namespace, name)
}

type Change = { labels: Record<string, string>; annotations: Record<string, string>; immutable: boolean; data: Record<string, string> }

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, parts: Parts, scope: Scope, before: SecretRow, { data, immutable, labels, annotations }: Change): Promise<boolean> {
  const changesValues = canonicalJson(await openValues(tx, parts, scope, before)) !== canonicalJson(data)
  if (before.immutable && (changesValues || !immutable)) throw immutableProblem('Secret', before.name, changesValues ? 'data' : 'immutable')
  const certificate = changesValues ? certificateOf(before.type, data) : (storedCertificateOf(before) ?? foundCertificate(before.type, data))
  const learned = certificate !== null && storedCertificateOf(before) === null
  if (!changesValues && !learned && before.immutable === immutable && canonicalJson([before.labels, before.annotations]) === canonicalJson([labels, annotations])) return false
  const valueId = changesValues ? await putValues(tx, parts, scope, data) : before.valueId
  await updateSecretObject(tx, scope, before, { labels, annotations, immutable, ...sizesOf(data), certificate, valueId })
  await recordAudit(tx, scope, { action: 'secret.update', kind: 'Secret', namespace: before.namespace, name: before.name })
  return true
}

export function updateSecret(ctx: ServerContext, scope: Scope, input: z.output<typeof updateSecretInput>): Promise<SecretSummary> {
  const { namespace, name } = input
  return inTransaction(ctx.db, async (tx) => {
    const row = await findHeld(tx, scope, namespace, name)
    if (!row) throw notFound('Secret', name)
    checkRevision('Secret', row, input.resourceVersion)
    const before = await openValues(tx, ctx, scope, row)
    const replaces = input.data !== undefined || input.stringData !== undefined || input.keep !== undefined
    const data = replaces ? { ...kept(before, input.keep ?? []), ...input.data } : before
    const content = readContent({ type: row.type, data, stringData: input.stringData ?? {}, immutable: input.immutable ?? row.immutable })
    await change(tx, ctx, scope, row, { labels: input.labels ?? values.parse(row.labels), annotations: input.annotations ?? values.parse(row.annotations), immutable: content.immutable, data: content.data })
    return summaryOf(tx, scope, namespace, name)
  })
}

function kept(before: Record<string, string>, keys: string[]): Record<string, string> {
  const missing = keys.findIndex((key) => !Object.hasOwn(before, key))
  if (missing >= 0) throw invalidInput([{ path: `keep[${missing}]`, line: null, message: `the Secret has no key "${keys[missing]}": give it a value` }])
  return Object.fromEntries(keys.map((key) => [key, before[key] ?? '']))
}

async function summaryOf(db: Database, scope: Scope, namespace: string, name: string): Promise<SecretSummary> {
  const row = await findConfiguration(db, scope, 'Secret', namespace, name)
  if (!row) throw notFound('Secret', name)
  return { ...toSummary(row), type: row.type }
}

export function removeSecret(ctx: ServerContext, scope: Scope, reference: z.output<typeof secretReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteSecretInTransaction(tx, scope, reference))
}

/** Deletes a Secret with its values, used or not, as Kubernetes does. */
export async function deleteSecretInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof secretReference>): Promise<{ deleting: true }> {
  const row = await findHeld(tx, scope, namespace, name)
  if (!row) throw notFound('Secret', name)
  await deleteSecretObject(tx, scope, row)
  await recordAudit(tx, scope, { action: 'secret.delete', kind: 'Secret', namespace, name })
  return { deleting: true }
}
