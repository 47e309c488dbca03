import { z } from 'zod'
import type { NamespaceManifest } from '@/domain/manifest/parse'
import { namespaceSpec } from '@/domain/namespace/spec'
import { namespaceView, type NamespaceView } from '@/domain/namespace/view'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { countPodsByNamespace, findNamespace, holdNamespaceToChange, insertNamespace, listNamespaces, markNamespaceDeleted, updateNamespace } from '@/server/store/namespaces'
import { countEndpointsWithoutService } from '@/server/store/endpoints'
import { findNetwork, holdNetworkFor } from '@/server/store/networks'
import { countIngressesInNamespace } from '@/server/store/ingresses'
import { countPoliciesInNamespace } from '@/server/store/network-policies'
import { recordAudit } from '@/server/store/records'
import { countServicesInNamespace } from '@/server/store/services'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { toMetadata } from '../object-metadata'
import { networkNameOf } from './network-of-namespace'

export const namespaceReference = z.object({ name: dnsLabel })
export const createNamespaceInput = namespaceReference.extend({ network: dnsLabel.optional(), labels: labels.default({}), annotations: annotations.default({}), requestId: z.string().min(1).max(128).optional() })

type Row = NonNullable<Awaited<ReturnType<typeof findNamespace>>>

const toView = (row: Row, pods: number): NamespaceView => ({ metadata: toMetadata(row), spec: namespaceSpec.parse(row.spec), status: { phase: row.deletedAt ? 'Terminating' : 'Active', pods } })

export async function listNamespaceViews(ctx: ServerContext, scope: Scope): Promise<{ items: NamespaceView[] }> {
  const [rows, pods] = await Promise.all([listNamespaces(ctx.db, scope), countPodsByNamespace(ctx.db, scope)])
  return { items: rows.map((row) => toView(row, pods.get(row.name) ?? 0)) }
}

export async function getNamespace(ctx: ServerContext, scope: Scope, name: string): Promise<NamespaceView> {
  const row = await findNamespace(ctx.db, scope, name)
  if (!row) throw notFound('Namespace', name)
  return toView(row, (await countPodsByNamespace(ctx.db, scope)).get(name) ?? 0)
}

export function createNamespace(ctx: ServerContext, scope: Scope, { name, network, labels, annotations, requestId, ...rest }: z.output<typeof createNamespaceInput>): Promise<NamespaceView> {
  const manifest: NamespaceManifest = { kind: 'Namespace', metadata: { name, labels, annotations }, spec: network ? { network } : {} }
  return inTransaction(ctx.db, (tx) =>
    once(tx, scope, { requestId, procedure: 'namespace.create', input: { manifest, rest }, output: namespaceView }, async () => {
      if (await findNamespace(tx, scope, name)) throw new DomainError('already_exists', `A namespace "${name}" exists: choose another name.`, { problems: [{ path: 'name', line: null, message: 'is taken' }] })
      await applyNamespace(tx, scope, manifest)
      return toView((await findNamespace(tx, scope, name))!, 0)
    }), { repeatable: true },
  )
}

/** Creates or changes a namespace. Its network may change only while it has no pods, services and policies, since they keep theirs, and no Endpoints without a service, whose addresses are of it. */
export async function applyNamespace(tx: Transaction, scope: Scope, { metadata, spec }: NamespaceManifest): Promise<'created' | 'configured' | 'unchanged'> {
  if (spec.network) await holdNetworkFor(tx, scope, spec.network)
  if (spec.network && !(await findNetwork(tx, scope, spec.network))) throw new DomainError('failed_precondition', `The network "${spec.network}" does not exist: create it first.`, { problems: [{ path: 'spec.network', line: null, message: `the network "${spec.network}" does not exist: create it first` }] })
  const { name, labels, annotations } = metadata
  // Read once it is held: what comes into it meanwhile, or its end, is seen.
  await holdNamespaceToChange(tx, scope, name)
  const existing = await findNamespace(tx, scope, name)
  if (!existing) {
    await insertNamespace(tx, scope, { name, labels, annotations, spec })
    await recordAudit(tx, scope, { action: 'namespace.create', kind: 'Namespace', name })
    return 'created'
  }
  if (existing.deletedAt) throw new DomainError('failed_precondition', `Namespace "${name}" is being deleted: wait until it is gone.`)
  const before = { labels: existing.labels, annotations: existing.annotations, spec: existing.spec }
  if (canonicalJson(before) === canonicalJson({ labels, annotations, spec })) return 'unchanged'
  if (networkNameOf(existing.spec) !== (spec.network ?? 'default')) await refuseWhileUsed(tx, scope, name)
  await updateNamespace(tx, scope, existing.uid, { labels, annotations, spec })
  await recordAudit(tx, scope, { action: 'namespace.update', kind: 'Namespace', name })
  return 'configured'
}

async function refuseWhileUsed(tx: Transaction, scope: Scope, name: string): Promise<void> {
  const counts = { pods: (await countPodsByNamespace(tx, scope)).get(name) ?? 0, services: await countServicesInNamespace(tx, scope, name), Endpoints: await countEndpointsWithoutService(tx, scope, name), 'network policies': await countPoliciesInNamespace(tx, scope, name), ingresses: await countIngressesInNamespace(tx, scope, name) }
  const used = Object.entries(counts).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`).join(' and ')
  if (used) throw new DomainError('failed_precondition', `The network of namespace "${name}" cannot change while it has ${used}: delete them first.`, { problems: [{ path: 'spec.network', line: null, message: `cannot change while the namespace has ${used}: delete them first` }] })
}

/** What would follow from deleting the namespace is in its view (pods); the controller does it. */
export function deleteNamespace(ctx: ServerContext, scope: Scope, name: string): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteNamespaceInTransaction(tx, scope, name), { repeatable: true })
}

export async function deleteNamespaceInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  const row = await findNamespace(tx, scope, name)
  if (!row) throw notFound('Namespace', name)
  if (name === 'default') throw new DomainError('failed_precondition', 'The namespace "default" belongs to the tenant and cannot be deleted.')
  if (!row.deletedAt) {
    await markNamespaceDeleted(tx, scope, row.uid)
    await recordAudit(tx, scope, { action: 'namespace.delete', kind: 'Namespace', name })
  }
  return { deleting: true }
}
