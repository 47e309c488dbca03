import { isMap, isSeq, parseAllDocuments, parseDocument, type Document } from 'yaml'
import { parseManifest, type ParsedDocument } from '@/domain/manifest/parse'
import { sampleImage } from '@/domain/image/sample'
import type { Problem } from '@/domain/shared/errors'
import { isRecord, list, readContainer, record, word, type ContainerDraft } from './draft-container'
import { readVolumes, type VolumeOfDraft } from './draft-volumes'

/** The path of a value in the manifest. */
export type DraftPath = readonly (string | number)[]

export type PodDraft = { name: string; namespace: string; restartPolicy: string; pullSecrets: string[]; volumes: VolumeOfDraft[]; initContainers: string[]; containers: ContainerDraft[] }

export const startingText = (namespace: string) => `apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: ${namespace}
spec:
  containers:
    - name: web
      image: ${sampleImage}
      ports:
        - containerPort: 8080
      resources:
        limits:
          memory: 128Mi
`

/** The text as the form shows it, or why the form cannot show it. */
export function readDraft(text: string): { draft: PodDraft; reason: null } | { draft: null; reason: string } {
  const documents = parseAllDocuments(text, { customTags: [] })
  const [only] = Array.isArray(documents) ? documents : []
  if (!only || documents.length === 0) return { draft: null, reason: 'The manifest is empty.' }
  if (documents.length > 1) return { draft: null, reason: `The manifest holds ${documents.length} documents; the form shows one pod.` }
  if (only.errors.length > 0) return { draft: null, reason: 'The YAML has an error in its syntax; mend it first.' }
  const value: unknown = only.toJS({ maxAliasCount: 50 })
  if (!isRecord(value) || value['kind'] !== 'Pod') return { draft: null, reason: 'The manifest is not a Pod.' }
  const metadata = record(value['metadata'])
  const spec = record(value['spec'])
  return { draft: { name: word(metadata['name']), namespace: word(metadata['namespace']) || 'default', restartPolicy: word(spec['restartPolicy']) || 'Always', pullSecrets: list(spec['imagePullSecrets']).map((each) => word(record(each)['name'])), volumes: readVolumes(spec['volumes']), initContainers: list(spec['initContainers']).map((each) => word(record(each)['name'])), containers: list(spec['containers']).map(readContainer) }, reason: null }
}

/** Sets one value in the text, or removes it; comments and everything else stay as written. */
export function writeDraft(text: string, path: DraftPath, value: unknown): string {
  const document = parseDocument(text)
  if (value === undefined) {
    document.deleteIn(path)
    removeEmpty(document, path.slice(0, -1))
  } else document.setIn(path, document.createNode(value))
  return document.toString({ lineWidth: 120 })
}

/** `resources: {limits: {}}` and `env: []` say nothing: what became empty goes too. */
function removeEmpty(document: Document, path: DraftPath) {
  for (let at = path; at.length > 1; at = at.slice(0, -1)) {
    const node = document.getIn(at, true)
    if (!(isMap(node) || isSeq(node)) || node.items.length > 0) return
    document.deleteIn(at)
  }
}

export type CheckedDraft = { documents: ParsedDocument[]; problems: Problem[] }

/** Every problem of the text with path and line: the same reading as the server's. */
export function checkDraft(text: string): CheckedDraft {
  const { documents, problems } = parseManifest(text)
  return { documents, problems: [...problems, ...documents.flatMap((document) => document.problems)] }
}
