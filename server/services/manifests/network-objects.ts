import type { EndpointsManifest, FloatingAddressManifest, IngressManifest, NetworkManifest, NetworkPeeringManifest, NetworkPolicyManifest, SecurityGroupManifest, ServiceManifest } from '@/domain/manifest/parse'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import type { ServerContext } from '../context'
import { applyEndpoints, deleteEndpointsInTransaction, getEndpoints, listEndpoints } from '../endpoints/endpoints'
import { getFloatingAddress, listFloatingAddresses } from '../floating-addresses/floating-address-view'
import { applyFloatingAddress, deleteFloatingAddressInTransaction } from '../floating-addresses/floating-addresses'
import { applyIngress, deleteIngressInTransaction } from '../ingresses/write-ingresses'
import { getIngress, listIngresses } from '../ingresses/read-ingresses'
import { applyPeering, deletePeeringInTransaction, getPeering, listPeerings } from '../network-peerings/network-peerings'
import { applyPolicy, deletePolicyInTransaction, getPolicy, listPolicies } from '../network-policies/network-policies'
import { getNetwork, listNetworkViews } from '../networks/network-view'
import { applyNetwork, deleteNetworkInTransaction } from '../networks/networks'
import type { Applied } from '../networks/object-lists'
import { getGroup, listGroups } from '../security-groups/read-security-groups'
import { applyGroup, deleteGroupInTransaction } from '../security-groups/write-security-groups'
import { getService, listServices } from '../services/read-services'
import { applyService, deleteServiceInTransaction } from '../services/write-services'

/** The kinds of a tenant's networks, in manifests: each with its own use cases. */
export const networkKinds = ['Network', 'Service', 'Endpoints', 'NetworkPolicy', 'SecurityGroup', 'NetworkPeering', 'FloatingAddress', 'Ingress'] as const
export type NetworkKind = (typeof networkKinds)[number]
export const isNetworkKind = (kind: string): kind is NetworkKind => networkKinds.some((one) => one === kind)
export type NetworkObjectManifest = NetworkManifest | ServiceManifest | EndpointsManifest | NetworkPolicyManifest | SecurityGroupManifest | NetworkPeeringManifest | FloatingAddressManifest | IngressManifest

/** Applies an object of a network. The tenant is held. */
export function applyNetworkObject(tx: Transaction, ctx: Pick<ServerContext, 'config'>, scope: Scope, object: NetworkObjectManifest): Promise<Applied> {
  if (object.kind === 'Network') return applyNetwork(tx, scope, object)
  if (object.kind === 'Service') return applyService(tx, scope, object)
  if (object.kind === 'Ingress') return applyIngress(tx, scope, object)
  if (object.kind === 'Endpoints') return applyEndpoints(tx, scope, object)
  if (object.kind === 'NetworkPolicy') return applyPolicy(tx, scope, object)
  if (object.kind === 'FloatingAddress') return applyFloatingAddress(tx, ctx.config, scope, object)
  return object.kind === 'SecurityGroup' ? applyGroup(tx, scope, object) : applyPeering(tx, scope, object)
}

type Reference = { namespace: string; name: string }
export type Shown = { metadata: { name: string; labels: Record<string, string> } & object; spec?: unknown; status?: unknown; subsets?: unknown }

export async function getNetworkObject(ctx: ServerContext, scope: Scope, kind: NetworkKind, reference: Reference): Promise<Shown> {
  if (kind === 'Network') return getNetwork(ctx, scope, reference.name)
  if (kind === 'Service') return getService(ctx, scope, reference)
  if (kind === 'Ingress') return getIngress(ctx, scope, reference)
  if (kind === 'Endpoints') return getEndpoints(ctx, scope, reference)
  if (kind === 'NetworkPolicy') return getPolicy(ctx, scope, reference)
  if (kind === 'FloatingAddress') return getFloatingAddress(ctx, scope, reference)
  return kind === 'SecurityGroup' ? getGroup(ctx, scope, reference) : getPeering(ctx, scope, reference)
}

type Page = { namespace?: string | undefined; limit: number; cursor?: string | undefined; labelSelector?: string | undefined }

/** A page by name. Networks are few, and come all at once. */
export function listNetworkObjects(ctx: ServerContext, scope: Scope, kind: Exclude<NetworkKind, 'Network'>, page: Page): Promise<{ items: Shown[]; nextCursor: string | null }> {
  const input = { ...page, sort: 'name' as const, descending: false }
  if (kind === 'Service') return listServices(ctx, scope, input)
  if (kind === 'Ingress') return listIngresses(ctx, scope, input)
  if (kind === 'Endpoints') return listEndpoints(ctx, scope, input)
  if (kind === 'NetworkPolicy') return listPolicies(ctx, scope, input)
  if (kind === 'FloatingAddress') return listFloatingAddresses(ctx, scope, input)
  return kind === 'SecurityGroup' ? listGroups(ctx, scope, input) : listPeerings(ctx, scope, input)
}

export const listAllNetworks = (ctx: ServerContext, scope: Scope): Promise<{ items: Shown[] }> => listNetworkViews(ctx, scope)

export function deleteNetworkObject(tx: Transaction, scope: Scope, kind: NetworkKind, reference: Reference): Promise<{ deleting: true }> {
  if (kind === 'Network') return deleteNetworkInTransaction(tx, scope, reference.name)
  if (kind === 'Service') return deleteServiceInTransaction(tx, scope, reference)
  if (kind === 'Ingress') return deleteIngressInTransaction(tx, scope, reference)
  if (kind === 'Endpoints') return deleteEndpointsInTransaction(tx, scope, reference)
  if (kind === 'NetworkPolicy') return deletePolicyInTransaction(tx, scope, reference)
  if (kind === 'FloatingAddress') return deleteFloatingAddressInTransaction(tx, scope, reference.name)
  return kind === 'SecurityGroup' ? deleteGroupInTransaction(tx, scope, reference.name) : deletePeeringInTransaction(tx, scope, reference.name)
}
