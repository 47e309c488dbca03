import type { z } from 'zod'
import { ingressSpec, type IngressSpec } from '../ingress/spec'
import { ingressProblems, serviceBalancerProblems } from '../load-balancer/check'
import type { BalancerProblem } from '../load-balancer/annotations'
import { networkPeeringSpec, type NetworkPeeringSpec } from '../network-peering/spec'
import { floatingAddressSpec, type FloatingAddressSpec } from '../floating-address/spec'
import { readPolicySpec } from '../network-policy/manifest'
import type { NetworkPolicySpec } from '../network-policy/spec'
import { securityGroupSpec, type SecurityGroupSpec } from '../security-group/spec'
import { endpointSubsets, type EndpointSubset } from '../service/endpoints'
import { readServiceSpec } from '../service/manifest'
import type { ServiceSpec } from '../service/spec'
import { check, type Collect } from './check'
import { clusterMetadata, endpointsMetadata, ingressMetadata, policyMetadata, serviceMetadata, type Metadata } from './metadata'
import { parsePath } from './source'

type Placed = Metadata & { namespace: string }
export type ServiceManifest = { kind: 'Service'; metadata: Placed; spec: ServiceSpec }
export type IngressManifest = { kind: 'Ingress'; metadata: Placed; spec: IngressSpec }
export type EndpointsManifest = { kind: 'Endpoints'; metadata: Placed; subsets: EndpointSubset[] }
export type NetworkPolicyManifest = { kind: 'NetworkPolicy'; metadata: Placed; spec: NetworkPolicySpec }
export type SecurityGroupManifest = { kind: 'SecurityGroup'; metadata: Metadata; spec: SecurityGroupSpec }
export type NetworkPeeringManifest = { kind: 'NetworkPeering'; metadata: Metadata; spec: NetworkPeeringSpec }
export type FloatingAddressManifest = { kind: 'FloatingAddress'; metadata: Metadata; spec: FloatingAddressSpec }

type Fields = Readonly<Record<string, unknown>>

const readService = (metadata: unknown, { spec }: Fields, collect: Collect): ServiceManifest | null => {
  const m = check(serviceMetadata, metadata, ['metadata'], collect)
  const s = readServiceSpec(spec, ['spec'], collect)
  return m && s && noneOf(serviceBalancerProblems({ ...m, spec: s }), collect) ? { kind: 'Service', metadata: m, spec: s } : null
}

const readIngress = (metadata: unknown, { spec }: Fields, collect: Collect): IngressManifest | null => {
  const m = check(ingressMetadata, metadata, ['metadata'], collect)
  const s = check(ingressSpec, spec, ['spec'], collect)
  return m && s && noneOf(ingressProblems({ ...m, spec: s }), collect) ? { kind: 'Ingress', metadata: m, spec: s } : null
}

/** Collects what no balancer could do; whether there is nothing such. */
function noneOf(problems: readonly BalancerProblem[], collect: Collect): boolean {
  for (const { path, message } of problems) collect(parsePath(path), message)
  return problems.length === 0
}

const readPolicy = (metadata: unknown, { spec }: Fields, collect: Collect): NetworkPolicyManifest | null => {
  const m = check(policyMetadata, metadata, ['metadata'], collect)
  const s = readPolicySpec(spec, ['spec'], collect)
  return m && s ? { kind: 'NetworkPolicy', metadata: m, spec: s } : null
}

const readEndpoints = (metadata: unknown, { subsets }: Fields, collect: Collect): EndpointsManifest | null => {
  const m = check(endpointsMetadata, metadata, ['metadata'], collect)
  const s = check(endpointSubsets, subsets ?? [], ['subsets'], collect)
  return m && s ? { kind: 'Endpoints', metadata: m, subsets: s } : null
}

/** A reader of a kind whose fields all stand in `spec`. */
const specReader = <K extends string, M extends z.ZodType, S extends z.ZodType>(kind: K, metadata: M, schema: S) => (m: unknown, { spec }: Fields, collect: Collect) => {
  const read = check(metadata, m, ['metadata'], collect)
  const s = check(schema, spec, ['spec'], collect)
  return read && s ? { kind, metadata: read, spec: s } : null
}

/** An address may be any one: its spec may be left out. */
const readFloatingAddress = (metadata: unknown, { spec }: Fields, collect: Collect): FloatingAddressManifest | null => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(floatingAddressSpec, spec ?? {}, ['spec'], collect)
  return m && s ? { kind: 'FloatingAddress', metadata: m, spec: s } : null
}

/** How the kinds of a tenant's networks are read, and the fields that each has beside metadata. */
export const networkReaders = {
  Service: { read: readService, fields: ['spec'] },
  Ingress: { read: readIngress, fields: ['spec'] },
  Endpoints: { read: readEndpoints, fields: ['subsets'] },
  NetworkPolicy: { read: readPolicy, fields: ['spec'] },
  SecurityGroup: { read: specReader('SecurityGroup', clusterMetadata, securityGroupSpec), fields: ['spec'] },
  NetworkPeering: { read: specReader('NetworkPeering', clusterMetadata, networkPeeringSpec), fields: ['spec'] },
  FloatingAddress: { read: readFloatingAddress, fields: ['spec'] },
} as const
