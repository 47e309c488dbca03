import { z } from 'zod'
import { apiVersionOf, manifestKinds } from '@/domain/manifest/parse'
import { invalidInput, notFound } from '@/domain/shared/errors'
import { matchesSelector, parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import type { ServerContext } from '../context'
import { deleteConfigMapInTransaction } from '../config-maps/config-maps'
import { getConfigMap, listWholeConfigMaps } from '../config-maps/read-config-maps'
import { deleteNamespaceInTransaction, getNamespace, listNamespaceViews } from '../namespaces/namespaces'
import { deletePodInTransaction } from '../pods/delete-pod'
import { getPod, listPods } from '../pods/read-pods'
import { getSecret, listSecrets } from '../secrets/read-secrets'
import { deleteSecretInTransaction } from '../secrets/secret-objects'
import { deleteNetworkObject, getNetworkObject, isNetworkKind, listAllNetworks, listNetworkObjects, type Shown } from './network-objects'
import { deleteVolumeObject, getVolumeObject, isVolumeKind, listVolumeObjects } from './volume-objects'

const deletePermission = {
  Network: 'network.write', NetworkPeering: 'network.write', Namespace: 'namespace.write', Pod: 'pod.delete', ConfigMap: 'configMap.write', Secret: 'secret.write',
  Service: 'service.write', Endpoints: 'service.write', SecurityGroup: 'securityGroup.write', NetworkPolicy: 'securityGroup.write', FloatingAddress: 'floatingAddress.write', Ingress: 'service.write',
  Volume: 'volume.write', PersistentVolumeClaim: 'volume.write', VolumeSnapshot: 'volume.write', SnapshotSchedule: 'volume.write',
} as const
const readPermission = {
  Network: 'network.read', NetworkPeering: 'network.read', Namespace: 'namespace.read', Pod: 'pod.read', ConfigMap: 'configMap.read', Secret: 'secret.read',
  Service: 'service.read', Endpoints: 'service.read', SecurityGroup: 'securityGroup.read', NetworkPolicy: 'securityGroup.read', FloatingAddress: 'floatingAddress.read', Ingress: 'service.read',
  Volume: 'volume.read', PersistentVolumeClaim: 'volume.read', VolumeSnapshot: 'volume.read', SnapshotSchedule: 'volume.read',
} as const
const kind = z.enum(manifestKinds, { error: `must be one of ${manifestKinds.join(', ')}` })
export const manifestReference = z.object({ kind, namespace: dnsLabel.default('default'), name: z.string().min(1).max(253) })
export const listManifestsInput = z.object({ kind, namespace: dnsLabel.optional(), limit: z.number().int().min(1).max(500).default(100), cursor: z.string().max(1000).optional(), labelSelector: z.string().max(1000).optional() })
/** An object as Kubernetes shows it. */
export const manifestObject = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }), spec: z.unknown().optional(), status: z.unknown().optional() })
export const listManifestsOutput = z.object({ items: z.array(manifestObject), nextCursor: z.string().nullable(), resourceVersion: z.string() })
type ManifestObject = z.output<typeof manifestObject>

/** Endpoints have their subsets at the top; whatever else a view has beside these is for pages. */
const shape = (kind: string, { metadata, spec, status, subsets }: Pick<Shown, 'spec' | 'status' | 'subsets'> & { metadata: { name: string } & object }): ManifestObject => ({ apiVersion: apiVersionOf(kind), kind, metadata: { ...metadata }, ...(subsets === undefined ? { spec, status } : { subsets }) })

type Metadata = { metadata: { name: string } & object }
/** A ConfigMap and a Secret have their fields at the top; empty maps are left out, as Kubernetes does. */
const configMapShape = ({ metadata, data, binaryData, immutable }: Metadata & { data: object; binaryData: object; immutable: boolean }): ManifestObject => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata },
  ...(Object.keys(data).length > 0 ? { data } : {}), ...(Object.keys(binaryData).length > 0 ? { binaryData } : {}), ...(immutable ? { immutable } : {}),
})
/** A Secret without its values: `keys` tells their names and, of one, their sizes. */
const secretShape = ({ metadata, type, immutable }: Metadata & { type: string; immutable: boolean }, keys: object): ManifestObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata }, type, ...(immutable ? { immutable } : {}), keys })

export async function getManifest(ctx: ServerContext, scope: Scope, { kind, namespace, name }: z.output<typeof manifestReference>): Promise<ManifestObject> {
  if (!scope.allows(readPermission[kind])) throw notFound(kind, name)
  if (kind === 'Pod') return shape(kind, await getPod(ctx, scope, { namespace, name }))
  if (kind === 'ConfigMap') return configMapShape(await getConfigMap(ctx, scope, { namespace, name }))
  if (kind === 'Secret') {
    const secret = await getSecret(ctx, scope, { namespace, name })
    return secretShape(secret, secret.sizes)
  }
  if (kind === 'Namespace') return shape(kind, await getNamespace(ctx, scope, name))
  if (isVolumeKind(kind)) return shape(kind, await getVolumeObject(ctx, scope, kind, { namespace, name }))
  return shape(kind, await getNetworkObject(ctx, scope, kind, { namespace, name }))
}

export async function listManifests(ctx: ServerContext, scope: Scope, input: z.output<typeof listManifestsInput>): Promise<z.output<typeof listManifestsOutput>> {
  if (!scope.allows(readPermission[input.kind])) throw notFound('Kind', input.kind)
  if (input.kind === 'Pod') {
    const { namespace, limit, cursor, labelSelector } = input
    const page = await listPods(ctx, scope, { namespace, limit, cursor, labelSelector, sort: 'name', descending: false })
    return { items: page.items.map((item) => shape('Pod', item)), nextCursor: page.nextCursor, resourceVersion: page.resourceVersion }
  }
  if (input.kind === 'ConfigMap') {
    const page = await listWholeConfigMaps(ctx, scope, input)
    return { items: page.items.map(configMapShape), nextCursor: page.nextCursor, resourceVersion: '' }
  }
  if (input.kind === 'Secret') {
    const page = await listSecrets(ctx, scope, { ...input, sort: 'name', descending: false })
    return { items: page.items.map((item) => secretShape(item, item.keys.map((key) => ({ key })))), nextCursor: page.nextCursor, resourceVersion: '' }
  }
  if (isVolumeKind(input.kind) || (isNetworkKind(input.kind) && input.kind !== 'Network')) {
    const { kind, ...page } = input
    const { items, nextCursor } = isVolumeKind(input.kind) ? await listVolumeObjects(ctx, scope, input.kind, page) : await listNetworkObjects(ctx, scope, input.kind, page)
    return { items: items.map((item) => shape(kind, item)), nextCursor, resourceVersion: '' }
  }
  const selector = parseLabelSelector(input.labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector' }])
  const { items }: { items: Shown[] } = input.kind === 'Namespace' ? await listNamespaceViews(ctx, scope) : await listAllNetworks(ctx, scope)
  const after = items.filter((item) => matchesSelector(selector, item.metadata.labels) && (!input.cursor || item.metadata.name > input.cursor))
  const page = after.slice(0, input.limit)
  return { items: page.map((item) => shape(input.kind, item)), nextCursor: after.length > page.length ? (page[page.length - 1]?.metadata.name ?? null) : null, resourceVersion: '' }
}

export function deleteManifest(ctx: ServerContext, scope: Scope, { kind, namespace, name }: z.output<typeof manifestReference>): Promise<{ deleting: true }> {
  if (!scope.allows(deletePermission[kind])) throw notFound(kind, name)
  return inTransaction(ctx.db, async (tx) => {
    if (kind === 'Pod') return deletePodInTransaction(tx, scope, { namespace, name })
    if (kind === 'ConfigMap') return deleteConfigMapInTransaction(tx, scope, { namespace, name })
    if (kind === 'Secret') return deleteSecretInTransaction(tx, scope, { namespace, name })
    if (kind === 'Namespace') return deleteNamespaceInTransaction(tx, scope, name)
    if (isVolumeKind(kind)) return deleteVolumeObject(tx, ctx, scope, kind, { namespace, name })
    return deleteNetworkObject(tx, scope, kind, { namespace, name })
  }, { repeatable: true })
}
