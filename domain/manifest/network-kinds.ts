import type { z } from 'zod'
import { networkPeeringSpec, type NetworkPeeringSpec } from '../network-peering/spec'
import { floatingAddressSpec, type FloatingAddressSpec } from '../floating-address/spec'
import { readPolicySpec } from '../network-policy/manifest'
import type { NetworkPolicySpec } from '../network-policy/spec'
import { securityGroupSpec, type SecurityGroupSpec } from '../security-group/spec'
import { endpointSubsets, type EndpointSubset } from '../service/endpoints'
import { readServiceSpec } from '../service/manifest'
import type { ServiceSpec } from '../service/spec'
import { check, type Collect } from './check'
import { clusterMetadata, endpointsMetadata, policyMetadata, serviceMetadata, type Metadata } from './metadata'

type Placed = Metadata & { namespace: string }
export type ServiceManifest = { kind: 'Service'; metadata: Placed; spec: ServiceSpec }
export type EndpointsManifest = { kind: 'Endpoints'; metadata: Placed; subsets: EndpointSubset[] }
export type NetworkPolicyManifest = { kind: 'NetworkPolicy'; metadata: Placed; spec: NetworkPolicySpec }
export type SecurityGroupManifest = { kind: 'SecurityGroup'; metadata: Metadata; spec: SecurityGroupSpec }
export type NetworkPeeringManifest = { kind: 'NetworkPeering'; metadata: Metadata; spec: NetworkPeeringSpec }
export type FloatingAddressManifest = { kind: 'FloatingAddress'; metadata: Metadata; spec: FloatingAddressSpec }

type Fields = Readonly<Record<string, unknown>>

const readService = (metadata: unknown, { spec }: Fields, collect: Collect): ServiceManifest | null => {
  const m = check(serviceMetadata, metadata, ['metadata'], collect)
  const s = readServiceSpec(spec, ['spec'], collect)
  return m && s ? { kind: 'Service', metadata: m, spec: s } : null
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
  Endpoints: { read: readEndpoints, fields: ['subsets'] },
  NetworkPolicy: { read: readPolicy, fields: ['spec'] },
  SecurityGroup: { read: specReader('SecurityGroup', clusterMetadata, securityGroupSpec), fields: ['spec'] },
  NetworkPeering: { read: specReader('NetworkPeering', clusterMetadata, networkPeeringSpec), fields: ['spec'] },
  FloatingAddress: { read: readFloatingAddress, fields: ['spec'] },
} as const
