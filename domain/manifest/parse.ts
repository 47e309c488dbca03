import { z } from 'zod'
import { namespaceSpec, type NamespaceSpec } from '../namespace/spec'
import { networkSpec, type NetworkSpec } from '../network/spec'
import { pruneMetadata } from '../pod/kubernetes-fields'
import { generateName, podName, readPodSpec } from '../pod/manifest'
import type { PodSpec } from '../pod/spec'
import type { Problem } from '../shared/errors'
import { annotations, dnsLabel, labels, type Labels } from '../shared/names'
import { check, problemCollector, type Collect } from './check'
import { readDocuments, type SourceDocument } from './source'

type Metadata = { name: string; labels: Labels; annotations: Labels }
export type PodManifest = { kind: 'Pod'; metadata: Metadata & { namespace: string; generateName: string | null }; spec: PodSpec }
export type NamespaceManifest = { kind: 'Namespace'; metadata: Metadata; spec: NamespaceSpec }
export type NetworkManifest = { kind: 'Network'; metadata: Metadata; spec: NetworkSpec }
export type ManifestObject = PodManifest | NamespaceManifest | NetworkManifest
export const manifestKinds = ['Pod', 'Namespace', 'Network'] as const

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
const commonMetadata = { labels: labels.default({}), annotations: annotations.default({}) }
const podMetadata = z
  .strictObject({ name: podName.optional(), generateName: generateName.optional(), namespace: dnsLabel.default('default'), ...commonMetadata })
  .refine((m) => m.name !== undefined || m.generateName !== undefined, { path: ['name'], message: 'is required (or generateName)' })
const clusterMetadata = z.strictObject({ name: dnsLabel, ...commonMetadata })

const readPod = (metadata: unknown, spec: unknown, collect: Collect): PodManifest | null => {
  const m = check(podMetadata, metadata, ['metadata'], collect)
  const s = readPodSpec(spec, ['spec'], collect)
  return m && s ? { kind: 'Pod', metadata: { ...m, name: m.name ?? '', generateName: m.name ? null : (m.generateName ?? null) }, spec: s } : null
}

const readNamespace = (metadata: unknown, spec: unknown, collect: Collect): NamespaceManifest | null => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(namespaceSpec, spec ?? {}, ['spec'], collect)
  return m && s ? { kind: 'Namespace', metadata: m, spec: s } : null
}

const readNetwork = (metadata: unknown, spec: unknown, collect: Collect): NetworkManifest | null => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(networkSpec, spec, ['spec'], collect)
  return m && s ? { kind: 'Network', metadata: m, spec: s } : null
}

const readers = { Pod: readPod, Namespace: readNamespace, Network: readNetwork } as const
const isKind = (kind: string): kind is keyof typeof readers => Object.hasOwn(readers, kind)
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
    const named = z.looseObject({ name: z.unknown(), namespace: z.unknown() }).safeParse(metadata)
    const namespace = kind === 'Pod' ? text(named.data?.namespace) || 'default' : null
    return { kind, namespace, name: text(named.data?.name), object: problems.length > 0 ? null : object, problems, lineOf: document.lineOf }
  }
  const head = check(header, document.value, [], collect)
  if (!head) return result('', null, null)
  const { apiVersion, kind, metadata, spec, ...rest } = head
  if (apiVersion !== 'v1') collect(['apiVersion'], `must be v1 for the kinds that Hypernetes knows (${manifestKinds.join(', ')})`)
  if (!isKind(kind)) {
    collect(['kind'], `"${kind.slice(0, 80)}" is not carried out: Hypernetes knows ${manifestKinds.join(', ')}`)
    return result(kind.slice(0, 80), metadata, null)
  }
  for (const [name, value] of Object.entries(rest)) {
    if (value === null || (name === 'status' && typeof value === 'object' && Object.keys(value ?? {}).length === 0)) continue
    collect([name], name === 'status' ? 'is set by the server: remove it' : 'is not a field of this kind: check its spelling')
  }
  return result(kind, metadata, readers[kind](pruneMetadata(metadata, ['metadata'], collect), spec, collect))
}
