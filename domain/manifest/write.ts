import type { FloatingAddressSpec } from '../floating-address/spec'
import type { Labels } from '../shared/names'
import type { NamespaceSpec } from '../namespace/spec'
import type { IngressSpec } from '../ingress/spec'
import type { NetworkSpec } from '../network/spec'
import type { NetworkPeeringSpec } from '../network-peering/spec'
import type { NetworkPolicySpec } from '../network-policy/spec'
import type { PodSpec } from '../pod/spec'
import type { SecurityGroupSpec } from '../security-group/spec'
import type { ServiceSpec } from '../service/spec'
import type { SnapshotScheduleSpec } from '../snapshot-schedule/spec'
import type { VolumeSpec } from '../volume/spec'
import type { VolumeClaimSpec } from '../volume-claim/spec'
import type { VolumeSnapshotSpec } from '../volume-snapshot/spec'
import { apiVersionOf, type ManifestObject } from './parse'
import { toYaml } from './source'

type Metadata = { name: string; namespace?: string; labels?: Labels; annotations?: Labels }

const isEmpty = (value: unknown): boolean => value === undefined || (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && value !== null && Object.keys(value).length === 0)
const withoutEmpty = <T extends object>(map: T): Partial<T> => Object.fromEntries(Object.entries(map).filter(([, v]) => !isEmpty(v))) as Partial<T>

/** Fields of a PodSpec, wherever they stand, with the value that they have where nobody wrote one. */
const defaults: Readonly<Record<string, unknown>> = {
  apiVersion: 'v1', defaultMode: 0o644, divisor: '0', dnsPolicy: 'ClusterFirst', failureThreshold: 3, host: '', initialDelaySeconds: 0, medium: '', optional: false,
  periodSeconds: 10, prefix: '', privileged: false, readOnly: false, readOnlyRootFilesystem: false, scheme: 'HTTP', service: '', stdin: false, stdinOnce: false,
  successThreshold: 1, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', timeoutSeconds: 1, tty: false,
}

/** Without what is empty or a default, at every depth. An emptyDir says what it is by being there. */
function concise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(concise)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, field]) => [name, concise(field)] as const)
  return Object.fromEntries(fields.filter(([name, field]) => name === 'emptyDir' ? field !== undefined : !isEmpty(field) && !(Object.hasOwn(defaults, name) && defaults[name] === field)))
}

/** A pod's spec as a person would write it: what is empty or a default is left out. */
export function conciseSpec(spec: PodSpec): object {
  const { restartPolicy, terminationGracePeriodSeconds, ...rest } = spec
  return withoutEmpty({
    ...withoutEmpty(Object(concise(rest))),
    restartPolicy: restartPolicy === 'Always' ? undefined : restartPolicy,
    terminationGracePeriodSeconds: terminationGracePeriodSeconds === 30 ? undefined : terminationGracePeriodSeconds,
  })
}

type AnySpec = FloatingAddressSpec | IngressSpec | PodSpec | NamespaceSpec | NetworkSpec | ServiceSpec | NetworkPolicySpec | SecurityGroupSpec | NetworkPeeringSpec | VolumeSpec | VolumeClaimSpec | VolumeSnapshotSpec | SnapshotScheduleSpec

/** A manifest of one object, ready for the editor and for `manifest.apply`. */
export function writeManifest(kind: 'Pod', metadata: Metadata, spec: PodSpec): string
export function writeManifest(kind: 'Namespace', metadata: Metadata, spec: NamespaceSpec): string
export function writeManifest(kind: 'Network', metadata: Metadata, spec: NetworkSpec): string
export function writeManifest(kind: 'Service', metadata: Metadata, spec: ServiceSpec): string
export function writeManifest(kind: 'NetworkPolicy', metadata: Metadata, spec: NetworkPolicySpec): string
export function writeManifest(kind: 'SecurityGroup', metadata: Metadata, spec: SecurityGroupSpec): string
export function writeManifest(kind: 'NetworkPeering', metadata: Metadata, spec: NetworkPeeringSpec): string
export function writeManifest(kind: 'Ingress', metadata: Metadata, spec: IngressSpec): string
export function writeManifest(kind: 'FloatingAddress', metadata: Metadata, spec: FloatingAddressSpec): string
export function writeManifest(kind: 'Volume', metadata: Metadata, spec: VolumeSpec): string
export function writeManifest(kind: 'PersistentVolumeClaim', metadata: Metadata, spec: VolumeClaimSpec): string
export function writeManifest(kind: 'VolumeSnapshot', metadata: Metadata, spec: VolumeSnapshotSpec): string
export function writeManifest(kind: 'SnapshotSchedule', metadata: Metadata, spec: SnapshotScheduleSpec): string
export function writeManifest(kind: ManifestObject['kind'], metadata: Metadata, spec: AnySpec): string {
  const shown = 'containers' in spec ? conciseSpec(spec) : ['Service', 'Ingress', 'Volume'].includes(kind) ? withoutEmpty(spec) : spec
  return toYaml({ apiVersion: apiVersionOf(kind), kind, metadata: withoutEmpty(metadata), ...(isEmpty(shown) ? {} : { spec: shown }) })
}
