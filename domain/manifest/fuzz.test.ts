import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { manifestKinds, parseManifest, type ManifestObject } from './parse'
import { writeManifest } from './write'

type Tree = null | string | number | boolean | Tree[] | { [key: string]: Tree }
const service = { name: 'web', port: { number: 80 } }
/** One of each kind with most of its fields, as people write it. */
const manifests: Record<(typeof manifestKinds)[number], Record<string, Tree>> = {
  Pod: { metadata: { name: 'web', labels: { app: 'web' }, annotations: { note: 'x y' } }, spec: {
    restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 5, hostname: 'web', network: { subnet: 'a', addresses: ['10.0.0.9', 'FD00::9'], securityGroups: ['web'] }, volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } }, { name: 'conf', configMap: { name: 'c', items: [{ key: 'a', path: 'b/c' }], defaultMode: 256 } }],
    containers: [{ name: 'app', image: 'nginx:1.27', command: ['sh', '-c'], args: ['echo $(A)'], env: [{ name: 'A', value: '1' }, { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } }], envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }], workingDir: '/srv', resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '0.1' } }, ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }], volumeMounts: [{ name: 'tmp', mountPath: '/tmp', readOnly: true }], livenessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 }, securityContext: { runAsUser: 1000 } }],
  } },
  Namespace: { metadata: { name: 'ns1' }, spec: { network: 'net1' } },
  Network: { metadata: { name: 'net1' }, spec: { subnets: { a: { cidr: '192.168.0.0/24', gateway: '192.168.0.1' }, b: { cidr: 'fd00::/64' } }, outbound: 'none', dns: { upstream: false } } },
  ConfigMap: { metadata: { name: 'c' }, data: { 'a.txt': 'b\nc', empty: '' }, binaryData: { d: 'AAEC' }, immutable: true },
  Secret: { metadata: { name: 's' }, type: 'Opaque', data: { a: 'c2VjcmV0' }, stringData: { b: 'clear' } },
  Service: { metadata: { name: 'web', annotations: { 'balancer.hypernetes.io/protocol': 'http', 'balancer.hypernetes.io/hosts': 'www.example.com', 'balancer.hypernetes.io/connect-timeout': '5s' } }, spec: { type: 'LoadBalancer', selector: { app: 'web' }, sessionAffinity: 'ClientIP', ipFamilyPolicy: 'PreferDualStack', ports: [{ name: 'http', port: 80, targetPort: 'http' }, { name: 'dns', port: 53, protocol: 'TCP', targetPort: 5353 }] } },
  Endpoints: { metadata: { name: 'web' }, subsets: [{ addresses: [{ ip: '10.0.0.7' }], notReadyAddresses: [{ ip: '10.0.0.8' }], ports: [{ name: 'http', port: 8080 }] }] },
  NetworkPolicy: { metadata: { name: 'allow' }, spec: { podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] }, policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { namespaceSelector: {}, podSelector: {} }], ports: [{ protocol: 'TCP', port: 80, endPort: 90 }] }], egress: [{}] } },
  SecurityGroup: { metadata: { name: 'web' }, spec: { description: 'web', rules: [{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 80, endPort: 90 }], cidr: '0.0.0.0/0', description: 'x' }] } },
  NetworkPeering: { metadata: { name: 'to-b' }, spec: { network: 'net1', peer: { tenant: 'other', network: 'default' } } },
  FloatingAddress: { metadata: { name: 'front' }, spec: { pool: 'default', target: { kind: 'Pod', name: 'web' } } },
  Ingress: { metadata: { name: 'front', annotations: { 'balancer.hypernetes.io/algorithm': 'leastconn' } }, spec: { defaultBackend: { service }, tls: [{ hosts: ['www.example.com'], secretName: 'web-tls' }], rules: [{ host: 'www.example.com', http: { paths: [{ path: '/api', pathType: 'Prefix', backend: { service } }] } }] } },
  Volume: { metadata: { name: 'data' }, spec: { size: '10Gi', storageClassName: 'standard', volumeMode: 'Filesystem', fsType: 'ext4', onFull: 'Fail', limits: { iops: 100, iopsBurst: 200, bytesPerSecond: '8Mi', burstSeconds: 30 }, source: { kind: 'Snapshot', name: 'monday' } } },
  PersistentVolumeClaim: { metadata: { name: 'logs' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'standard', volumeMode: 'Filesystem', resources: { requests: { storage: '64Mi' } }, dataSource: { kind: 'VolumeSnapshot', name: 'monday', apiGroup: 'snapshot.storage.k8s.io' } } },
  VolumeSnapshot: { metadata: { name: 'monday' }, spec: { source: { volumeName: 'data' }, consistency: 'FilesystemConsistent' } },
  SnapshotSchedule: { metadata: { name: 'nightly' }, spec: { volumes: { names: ['data'] }, every: '1d', keep: { last: 2, daily: 7 } } },
}

const strange: fc.Arbitrary<Tree> = fc.oneof(
  fc.constantFrom<Tree>(null, '', [], {}, true, 0, -1, 1.5, 1e300, '__proto__', 'constructor', '\0', '\u202e', '0.0.0.0/0', '::/0', '256.0.0.1', 'x'.repeat(300), '9'.repeat(400), '1e999', '-', '*', '../..', { __proto__: 1 }, [[[]]]),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.double({ noNaN: true }),
)
type Change = { at: number; what: 'replace' | 'remove' | 'rename' | 'double' | 'move'; value: Tree; from: number }
const change: fc.Arbitrary<Change> = fc.record({ at: fc.nat(200), what: fc.constantFrom('replace', 'replace', 'remove', 'rename', 'double', 'move'), value: strange, from: fc.nat(200) })

/** Every place of a tree: what holds it, and its key there. */
const placesOf = (tree: Tree): { holder: Tree[] | { [key: string]: Tree }; key: string }[] =>
  typeof tree === 'object' && tree !== null ? Object.entries(tree).flatMap(([key, value]) => [{ holder: tree, key }, ...placesOf(value)]) : []
const get = (holder: Tree[] | { [key: string]: Tree }, key: string): Tree => (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null
function put(holder: Tree[] | { [key: string]: Tree }, key: string, value: Tree): void {
  if (Array.isArray(holder)) holder[Number(key)] = value
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

function apply(tree: Record<string, Tree>, { at, what, value, from }: Change): void {
  const places = placesOf(tree)
  const [place, other] = [places[at % places.length], places[from % places.length]]
  if (!place || !other) return
  const { holder, key } = place
  if (what === 'replace') put(holder, key, value)
  else if (what === 'remove') Reflect.deleteProperty(holder, key)
  else if (what === 'rename' && !Array.isArray(holder)) put(holder, typeof value === 'string' ? value : `${key}x`, get(holder, key))
  else if (what === 'double' && Array.isArray(holder)) holder.push(structuredClone(get(holder, key)))
  else put(holder, key, structuredClone(get(other.holder, other.key)))
}

const bytes = fc.array(fc.tuple(fc.nat(3000), fc.constantFrom('', ' ', '\n', ':', '-', '- ', '[', '{', '&a', '*a', '!!js ', '"', '|', '\t', '\0', '---\n', '<<: *a', '# ', '\u2028', '\ud800')), { maxLength: 3 })
const mutated = fc.tuple(fc.constantFrom(...manifestKinds), fc.array(change, { maxLength: 4 }), fc.constantFrom('yaml', 'json'), fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: bytes })).map(([kind, changes, as, cuts]) => {
  const tree: Record<string, Tree> = structuredClone({ apiVersion: 'v1', kind, ...manifests[kind] })
  for (const one of changes) apply(tree, one)
  let text = as === 'json' ? JSON.stringify(tree) : stringify(tree)
  for (const [at, piece] of cuts) text = text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + piece.length % 2)
  return text
})

/** What is written of a right object is read as the same object; kinds that nothing writes are left out. */
function expectWritten(object: ManifestObject): void {
  if (object.kind === 'ConfigMap' || object.kind === 'Secret' || object.kind === 'Endpoints' || object.metadata.name === '') return
  // A pod's metadata say null of what only a name that is made has.
  const { name, labels, annotations } = object.metadata
  const metadata = { name, labels, annotations, ...('namespace' in object.metadata && { namespace: object.metadata.namespace }) }
  const text = writeOne(object, metadata)
  const { documents, problems } = parseManifest(text)
  expect([problems, documents[0]?.problems], text).toEqual([[], []])
  const read = documents[0]?.object
  // A pod's part that says nothing but what is usual is left out as it is written.
  if (read?.kind === 'Pod') expect(writeOne(read, metadata)).toBe(text)
  else expect(read).toEqual(object)
}

function writeOne(object: Exclude<ManifestObject, { kind: 'ConfigMap' | 'Secret' | 'Endpoints' }>, metadata: Parameters<typeof writeManifest>[1]): string {
  switch (object.kind) {
    case 'Pod': return writeManifest('Pod', metadata, object.spec)
    case 'Namespace': return writeManifest('Namespace', metadata, object.spec)
    case 'Network': return writeManifest('Network', metadata, object.spec)
    case 'Service': return writeManifest('Service', metadata, object.spec)
    case 'NetworkPolicy': return writeManifest('NetworkPolicy', metadata, object.spec)
    case 'SecurityGroup': return writeManifest('SecurityGroup', metadata, object.spec)
    case 'NetworkPeering': return writeManifest('NetworkPeering', metadata, object.spec)
    case 'Ingress': return writeManifest('Ingress', metadata, object.spec)
    case 'Volume': return writeManifest('Volume', metadata, object.spec)
    case 'PersistentVolumeClaim': return writeManifest('PersistentVolumeClaim', metadata, object.spec)
    case 'VolumeSnapshot': return writeManifest('VolumeSnapshot', metadata, object.spec)
    case 'SnapshotSchedule': return writeManifest('SnapshotSchedule', metadata, object.spec)
    case 'FloatingAddress': return writeManifest('FloatingAddress', metadata, object.spec)
  }
}

/** Problems with a sentence each, or objects that can be written; in a time that one request may take. */
function expectRead(text: string): ManifestObject[] {
  const began = threadTimeMs()
  const { documents, problems } = parseManifest(text)
  expect(threadTimeMs() - began).toBeLessThan(3_000)
  for (const { message, path } of [...problems, ...documents.flatMap((one) => one.problems)]) {
    expect(message.length).toBeGreaterThan(0)
    expect(message.length + path.length).toBeLessThan(5_000)
  }
  expect(documents.length + problems.length).toBeGreaterThan(0)
  for (const { object, problems: own } of documents) expect(object === null, JSON.stringify(own)).toBe(own.length > 0)
  return documents.flatMap(({ object }) => object ?? [])
}

describe('any manifest', { timeout: fuzzTimeout(60_000) }, () => {
  it.each(manifestKinds)('of kind %s is read, written and read as the same', (kind) => {
    const [object] = expectRead(stringify({ apiVersion: 'v1', kind, ...manifests[kind] }))
    expect(object?.kind, JSON.stringify(parseManifest(stringify({ apiVersion: 'v1', kind, ...manifests[kind] })).documents[0]?.problems)).toBe(kind)
    if (object) expectWritten(object)
  })

  it('that somebody changed at will is read, or refused with what is wrong, and what is right can be written and is read back', () => {
    let right = 0
    fc.assert(fc.property(mutated, (text) => {
      for (const object of expectRead(text)) {
        right += 1
        expectWritten(object)
      }
    }), { numRuns: fuzzRuns(1_500) })
    expect(right).toBeGreaterThan(50)
  })
})
