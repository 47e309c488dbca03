import { z } from 'zod'
import { configMapContent, type ConfigMapContent } from '../config-map/spec'
import { namespaceSpec, type NamespaceSpec } from '../namespace/spec'
import { networkSpec, type NetworkSpec } from '../network/spec'
import { pruneMetadata } from '../pod/kubernetes-fields'
import { readPodSpec } from '../pod/manifest'
import type { PodSpec } from '../pod/spec'
import { secretContent, type SecretContent } from '../secret/spec'
import type { Problem } from '../shared/errors'
import { check, problemCollector, type Collect } from './check'
import { clusterMetadata, configurationMetadata, podMetadata, secretMetadata, type Metadata, type NamespacedMetadata } from './metadata'
import { networkReaders, type EndpointsManifest, type FloatingAddressManifest, type IngressManifest, type NetworkPeeringManifest, type NetworkPolicyManifest, type SecurityGroupManifest, type ServiceManifest } from './network-kinds'
import { readDocuments, type SourceDocument } from './source'
import { volumeReaders, type SnapshotScheduleManifest, type VolumeClaimManifest, type VolumeManifest, type VolumeSnapshotManifest } from './volume-kinds'

export type PodManifest = { kind: 'Pod'; metadata: NamespacedMetadata; spec: PodSpec }
export type ConfigMapManifest = { kind: 'ConfigMap'; metadata: NamespacedMetadata; content: ConfigMapContent }
/** Its values are in the clear (base64): it is never stored, logged or answered as it is. */
export type SecretManifest = { kind: 'Secret'; metadata: NamespacedMetadata; content: SecretContent }
export type NamespaceManifest = { kind: 'Namespace'; metadata: Metadata; spec: NamespaceSpec }
export type NetworkManifest = { kind: 'Network'; metadata: Metadata; spec: NetworkSpec }
export type { EndpointsManifest, FloatingAddressManifest, IngressManifest, NetworkPeeringManifest, NetworkPolicyManifest, SecurityGroupManifest, ServiceManifest } from './network-kinds'
export type { SnapshotScheduleManifest, VolumeClaimManifest, VolumeManifest, VolumeSnapshotManifest } from './volume-kinds'
export type ManifestObject = PodManifest | NamespaceManifest | NetworkManifest | ConfigMapManifest | SecretManifest | ServiceManifest | EndpointsManifest | NetworkPolicyManifest | SecurityGroupManifest | NetworkPeeringManifest | FloatingAddressManifest | IngressManifest | VolumeManifest | VolumeClaimManifest | VolumeSnapshotManifest | SnapshotScheduleManifest
export const manifestKinds = ['Pod', 'Namespace', 'Network', 'ConfigMap', 'Secret', 'Service', 'Endpoints', 'NetworkPolicy', 'SecurityGroup', 'NetworkPeering', 'FloatingAddress', 'Ingress', 'Volume', 'PersistentVolumeClaim', 'VolumeSnapshot', 'SnapshotSchedule'] as const
const ofTheTenant: readonly string[] = ['Namespace', 'Network', 'SecurityGroup', 'NetworkPeering', 'FloatingAddress', 'Volume', 'VolumeSnapshot', 'SnapshotSchedule']
export const isNamespaced = (kind: string): boolean => isKind(kind) && !ofTheTenant.includes(kind)
/** The apiVersion that Kubernetes has of a kind; v1 is read for all. */
export const apiVersionOf = (kind: string): string => (kind === 'NetworkPolicy' || kind === 'Ingress' ? 'networking.k8s.io/v1' : kind === 'VolumeSnapshot' ? 'snapshot.storage.k8s.io/v1' : 'v1')
/** Kinds of Kubernetes' that a tenant has no use for, with what there is instead. */
const instead: Readonly<Record<string, string>> = {
  StorageClass: 'is made by operators: remove it, and name one of theirs in storageClassName',
  VolumeSnapshotClass: 'is not needed, for snapshots lie in the store of their volume: remove it',
  VolumeSnapshotContent: 'is not needed, for a VolumeSnapshot names its volume: remove it',
  VolumeGroupSnapshot: 'is not carried out: take those of a pod at one instant by a SnapshotSchedule of that pod, or at once with volumeSnapshot.createGroup',
  VolumeAttributesClass: 'is not needed, for a StorageClass of the operators says what a volume may do at most: remove it',
  List: 'is not carried out: write each of its items as a document of its own, with --- between them',
  PersistentVolume: 'is called Volume here, and lies in no namespace: write one, or let a PersistentVolumeClaim make it',
  StatefulSet: 'is not carried out: write each of its pods (NAME-0, NAME-1, …), and of each volumeClaimTemplate a PersistentVolumeClaim for each pod (TEMPLATE-NAME-0, …), which that names',
}

/** One document: what it names, the object when it is right, and every problem when it is not. */
export type ParsedDocument = {
  kind: string
  namespace: string | null
  name: string
  object: ManifestObject | null
  problems: Problem[]
  lineOf: SourceDocument['lineOf']
}

const header = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.unknown() })
/** The fields of a document beside apiVersion, kind and metadata. */
type Fields = Readonly<Record<string, unknown>>
type Reader = (metadata: unknown, fields: Fields, collect: Collect) => ManifestObject | null

const readPod: Reader = (metadata, { spec }, collect) => {
  const m = check(podMetadata, metadata, ['metadata'], collect)
  const s = readPodSpec(spec, ['spec'], collect)
  return m && s ? { kind: 'Pod', metadata: m, spec: s } : null
}

const readNamespace: Reader = (metadata, { spec }, collect) => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(namespaceSpec, spec ?? {}, ['spec'], collect)
  return m && s ? { kind: 'Namespace', metadata: m, spec: s } : null
}

const readNetwork: Reader = (metadata, { spec }, collect) => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(networkSpec, spec, ['spec'], collect)
  return m && s ? { kind: 'Network', metadata: m, spec: s } : null
}

/** Values stand at the top of a ConfigMap or Secret. zod's maps leave out a key `__proto__`, so it is refused here. */
function checkContent<S extends z.ZodType>(schema: S, fields: Fields, collect: Collect): z.output<S> | null {
  const maps = Object.entries(fields).filter(([, map]) => typeof map === 'object' && map !== null && Object.hasOwn(map, '__proto__'))
  for (const [name] of maps) collect([name, '__proto__'], 'must not be called __proto__')
  return maps.length > 0 ? null : check(schema, fields, [], collect)
}

const readConfigMap: Reader = (metadata, fields, collect) => {
  const m = check(configurationMetadata, metadata, ['metadata'], collect)
  const content = checkContent(configMapContent, fields, collect)
  return m && content ? { kind: 'ConfigMap', metadata: m, content } : null
}

const readSecret: Reader = (metadata, fields, collect) => {
  const m = check(secretMetadata, metadata, ['metadata'], collect)
  const content = checkContent(secretContent, fields, collect)
  return m && content ? { kind: 'Secret', metadata: m, content } : null
}

/** Each kind's reader, and the fields that it has beside metadata. */
const kinds: Readonly<Record<(typeof manifestKinds)[number], { read: Reader; fields: readonly string[] }>> = {
  Pod: { read: readPod, fields: ['spec'] },
  Namespace: { read: readNamespace, fields: ['spec'] },
  Network: { read: readNetwork, fields: ['spec'] },
  ConfigMap: { read: readConfigMap, fields: ['data', 'binaryData', 'immutable'] },
  Secret: { read: readSecret, fields: ['type', 'data', 'stringData', 'immutable'] },
  ...networkReaders,
  ...volumeReaders,
}
const isKind = (kind: string): kind is keyof typeof kinds => Object.hasOwn(kinds, kind)
const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 253) : '')

/**
 * Reads a manifest of several documents as Kubernetes and Hypernetes write them. Never throws: every problem of every
 * document comes back with path and line. The same function serves the browser and the server.
 */
export function parseManifest(source: string): { documents: ParsedDocument[]; problems: Problem[] } {
  const { documents, problems } = readDocuments(source)
  if (documents.length === 0 && problems.length === 0) problems.push({ path: '', line: null, message: 'The manifest is empty.' })
  return { documents: documents.map(parseDocument), problems }
}

function parseDocument(document: SourceDocument): ParsedDocument {
  const { problems, collect } = problemCollector(document.lineOf)
  const result = (kind: string, metadata: unknown, object: ManifestObject | null): ParsedDocument => {
    const named = z.looseObject({ name: z.unknown().optional(), namespace: z.unknown().optional() }).safeParse(metadata)
    const namespace = isNamespaced(kind) ? text(named.data?.namespace) || 'default' : null
    return { kind, namespace, name: text(named.data?.name), object: problems.length > 0 ? null : object, problems, lineOf: document.lineOf }
  }
  const head = check(header, document.value, [], collect)
  if (!head) return result('', null, null)
  const { apiVersion, kind, metadata, ...rest } = head
  if (Object.hasOwn(instead, kind)) {
    collect(['kind'], `${kind} ${instead[kind] ?? ''}`)
    return result(kind, metadata, null)
  }
  if (!isKind(kind)) {
    collect(['kind'], `"${kind.slice(0, 80)}" is not carried out: Hypernetes knows ${manifestKinds.join(', ')}`)
    return result(kind.slice(0, 80), metadata, null)
  }
  const versions = ['v1', apiVersionOf(kind)]
  if (!versions.includes(apiVersion)) collect(['apiVersion'], versions[1] === 'v1' ? `must be v1 for the kinds that Hypernetes knows (${manifestKinds.join(', ')})` : `must be ${versions[1]} for kind ${kind}`)
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rest)) {
    if (value === null) continue
    if (kinds[kind].fields.includes(name)) fields[name] = value
    else if (name !== 'status') collect([name], 'is not a field of this kind: check its spelling')
    else if (typeof value !== 'object' || Object.keys(value ?? {}).length > 0) collect([name], 'is set by the server: remove it')
  }
  return result(kind, metadata, kinds[kind].read(pruneMetadata(metadata, ['metadata'], collect), fields, collect))
}
