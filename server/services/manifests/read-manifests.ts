import { z } from 'zod'
import { manifestKinds } from '@/domain/manifest/parse'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { matchesSelector, parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import type { ServerContext } from '../context'
import { deleteNamespaceInTransaction, getNamespace, listNamespaceViews } from '../namespaces/namespaces'
import { deleteNetworkInTransaction, getNetwork, listNetworkViews } from '../networks/networks'
import { deletePodInTransaction } from '../pods/delete-pod'
import { getPod, listPods } from '../pods/read-pods'

const deletePermission = { Network: 'network.write', Namespace: 'namespace.write', Pod: 'pod.delete' } as const
const kind = z.enum(manifestKinds, { error: `must be one of ${manifestKinds.join(', ')}` })
export const manifestReference = z.object({ kind, namespace: dnsLabel.default('default'), name: z.string().min(1).max(253) })
export const listManifestsInput = z.object({ kind, namespace: dnsLabel.optional(), limit: z.number().int().min(1).max(500).default(100), cursor: z.string().max(600).optional(), labelSelector: z.string().max(1000).optional() })
/** An object as Kubernetes shows it. */
export const manifestObject = z.looseObject({ apiVersion: z.literal('v1'), kind: z.string(), metadata: z.looseObject({ name: z.string() }), spec: z.unknown(), status: z.unknown() })
export const listManifestsOutput = z.object({ items: z.array(manifestObject), nextCursor: z.string().nullable(), resourceVersion: z.string() })
type ManifestObject = z.output<typeof manifestObject>

const shape = (kind: string, { metadata, spec, status }: { metadata: { name: string } & object; spec: unknown; status: unknown }): ManifestObject => ({ apiVersion: 'v1', kind, metadata: { ...metadata }, spec, status })

export async function getManifest(ctx: ServerContext, scope: Scope, { kind, namespace, name }: z.output<typeof manifestReference>): Promise<ManifestObject> {
  if (kind === 'Pod') return shape(kind, await getPod(ctx, scope, { namespace, name }))
  if (kind === 'Namespace') return shape(kind, await getNamespace(ctx, scope, name))
  return shape(kind, await getNetwork(ctx, scope, name))
}

export async function listManifests(ctx: ServerContext, scope: Scope, input: z.output<typeof listManifestsInput>): Promise<z.output<typeof listManifestsOutput>> {
  if (input.kind === 'Pod') {
    const { namespace, limit, cursor, labelSelector } = input
    const page = await listPods(ctx, scope, { namespace, limit, cursor, labelSelector, sort: 'name', descending: false })
    return { items: page.items.map((item) => shape('Pod', item)), nextCursor: page.nextCursor, resourceVersion: page.resourceVersion }
  }
  const selector = parseLabelSelector(input.labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector' }])
  const { items } = input.kind === 'Namespace' ? await listNamespaceViews(ctx, scope) : await listNetworkViews(ctx, scope)
  const after = items.filter((item) => matchesSelector(selector, item.metadata.labels) && (!input.cursor || item.metadata.name > input.cursor))
  const page = after.slice(0, input.limit)
  return { items: page.map((item) => shape(input.kind, item)), nextCursor: after.length > page.length ? (page[page.length - 1]?.metadata.name ?? null) : null, resourceVersion: '' }
}

export function deleteManifest(ctx: ServerContext, scope: Scope, { kind, namespace, name }: z.output<typeof manifestReference>): Promise<{ deleting: true }> {
  if (!scope.allows(deletePermission[kind])) throw notFound(kind, name)
  return inTransaction(ctx.db, async (tx) => {
    if (kind === 'Pod') return deletePodInTransaction(tx, scope, { namespace, name })
    if (kind === 'Namespace') return deleteNamespaceInTransaction(tx, scope, name)
    if (kind === 'Network') return deleteNetworkInTransaction(tx, scope, name)
    throw new DomainError('invalid_input', 'This kind cannot be deleted.')
  })
}
