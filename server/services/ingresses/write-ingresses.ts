import { z } from 'zod'
import { ingressSpec, type IngressSpec } from '@/domain/ingress/spec'
import { ingressView, type IngressView } from '@/domain/ingress/view'
import { ingressProblems } from '@/domain/load-balancer/check'
import type { IngressManifest } from '@/domain/manifest/parse'
import { notFound } from '@/domain/shared/errors'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { deleteIngress, findIngress, insertIngress, updateIngress, type IngressRow } from '@/server/store/ingresses'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { refuseBalancer } from '../load-balancers/refuse-balancer'
import { holdNetworkOfNamespace } from '../namespaces/network-of-namespace'
import { admitOneMore, checkRevision, holdTenant, nameTaken, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { ingressReference, ingressViewOf } from './read-ingresses'

export const createIngressInput = ingressReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: ingressSpec, requestId })
/** What is left out stays; `spec` comes as a whole. With `resourceVersion` only the Ingress that was read is changed. */
export const updateIngressInput = ingressReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: ingressSpec.optional(), resourceVersion })

/** Creates an Ingress; the external controller gives it a balancer. What it leads to need not exist yet. */
export function createIngress(ctx: ServerContext, scope: Scope, input: z.output<typeof createIngressInput>): Promise<IngressView> {
  const { namespace, name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'ingress.create', input, output: ingressView }, async () => {
    await holdTenant(tx, scope)
    await insertManifest(tx, scope, { kind: 'Ingress', metadata: { namespace, name, labels, annotations }, spec })
    return ingressViewOf(tx, scope, { namespace, name })
  }), { repeatable: true })
}

export function updateIngressObject(ctx: ServerContext, scope: Scope, input: z.output<typeof updateIngressInput>): Promise<IngressView> {
  const { namespace, name } = input
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findIngress(tx, scope, namespace, name)
    if (!row) throw notFound('Ingress', name)
    checkRevision('Ingress', row, input.resourceVersion)
    const before = toMetadata(row)
    await change(tx, scope, row, { labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations, spec: input.spec ?? ingressSpec.parse(row.spec) })
    return ingressViewOf(tx, scope, { namespace, name })
  }, { repeatable: true })
}

/** Creates or changes an Ingress as a manifest says it. The tenant is held. */
export async function applyIngress(tx: Transaction, scope: Scope, manifest: IngressManifest): Promise<Applied> {
  const { metadata: { namespace, name, labels, annotations }, spec } = manifest
  const existing = await findIngress(tx, scope, namespace, name)
  if (existing) return (await change(tx, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  await insertManifest(tx, scope, manifest)
  return 'created'
}

async function insertManifest(tx: Transaction, scope: Scope, { metadata, spec }: IngressManifest): Promise<void> {
  const { namespace, name, labels, annotations } = metadata
  refuseBalancer('Ingress', name, ingressProblems({ name, annotations, spec }))
  const network = await holdNetworkOfNamespace(tx, scope, namespace, 'Ingress')
  await admitOneMore(tx, scope, 'Ingress')
  if (await findIngress(tx, scope, namespace, name)) throw nameTaken('Ingress', name, namespace)
  await insertIngress(tx, scope, { namespace, name, labels, annotations, spec, networkId: network.uid })
  await recordAudit(tx, scope, { action: 'ingress.create', kind: 'Ingress', namespace, name })
}

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, scope: Scope, row: IngressRow, { labels, annotations, spec }: { labels: Labels; annotations: Labels; spec: IngressSpec }): Promise<boolean> {
  const specChanged = canonicalJson(ingressSpec.parse(row.spec)) !== canonicalJson(spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([labels, annotations])) return false
  refuseBalancer('Ingress', row.name, ingressProblems({ name: row.name, annotations, spec }))
  await updateIngress(tx, scope, row.uid, { labels, annotations, spec, specChanged })
  await recordAudit(tx, scope, { action: 'ingress.update', kind: 'Ingress', namespace: row.namespace, name: row.name })
  return true
}

export function removeIngress(ctx: ServerContext, scope: Scope, reference: z.output<typeof ingressReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteIngressInTransaction(tx, scope, reference), { repeatable: true })
}

/** Deletes an Ingress; the external controller takes its balancer, and an address that was taken for it, away. */
export async function deleteIngressInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof ingressReference>): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findIngress(tx, scope, namespace, name)
  if (!row) throw notFound('Ingress', name)
  await deleteIngress(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'ingress.delete', kind: 'Ingress', namespace, name })
  return { deleting: true }
}
