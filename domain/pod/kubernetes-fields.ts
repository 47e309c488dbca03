/**
 * Fields of Kubernetes' v1 API that Hypernetes does not carry out, each with the values that mean what happens anyway
 * (Kubernetes' default). A manifest may hold them with such a value; with any other the field is refused by name.
 * null, an empty list and an empty map always count as absent, as in Kubernetes' decoder with omitempty.
 * Source: kubernetes/api core/v1/types.go, and pkg/apis/core/v1/defaults.go.
 */
export type FieldDefaults = Readonly<Record<string, readonly unknown[]>>

const none: readonly unknown[] = []

export const metadataFields: FieldDefaults = {
  managedFields: none, deletionGracePeriodSeconds: none, selfLink: [''],
  uid: none, resourceVersion: none, generation: none, creationTimestamp: none, deletionTimestamp: none,
}

/** Objects have these, and users cannot set them yet. */
export const laterMetadataFields: FieldDefaults = { finalizers: none, ownerReferences: none }

export const podFields: FieldDefaults = {
  affinity: none, automountServiceAccountToken: [false],
  enableServiceLinks: [true, false], ephemeralContainers: none, hostIPC: [false], hostNetwork: [false], hostPID: [false],
  hostUsers: [true, false], nodeName: [''], nodeSelector: none, os: none, overhead: none,
  preemptionPolicy: ['PreemptLowerPriority'], priority: [0], priorityClassName: [''], readinessGates: none, resourceClaims: none, resources: none,
  runtimeClassName: [''], schedulerName: ['default-scheduler'], schedulingGates: none, serviceAccount: ['default', ''], serviceAccountName: ['default', ''],
  setHostnameAsFQDN: [false], shareProcessNamespace: [false], tolerations: none, topologySpreadConstraints: none, hostnameOverride: [''],
}

export const podSecurityContextFields: FieldDefaults = {
  appArmorProfile: none, seLinuxChangePolicy: none, seLinuxOptions: none, supplementalGroupsPolicy: ['Merge'], windowsOptions: none,
}

export const containerFields: FieldDefaults = {
  resizePolicy: none, restartPolicy: none, restartPolicyRules: none,
}

/** Of an init container `restartPolicy` is carried out. */
export const initContainerFields: FieldDefaults = { resizePolicy: none, restartPolicyRules: none }

export const containerSecurityContextFields: FieldDefaults = { appArmorProfile: none, procMount: ['Default'], seLinuxOptions: none, windowsOptions: none }

export const lifecycleFields: FieldDefaults = { stopSignal: [''] }

export const portFields: FieldDefaults = { hostIP: [''], hostPort: [0] }
export const environmentFields: FieldDefaults = {}
export const volumeMountFields: FieldDefaults = { mountPropagation: ['None'], recursiveReadOnly: ['Disabled'], subPathExpr: [''] }
export const resourceFields: FieldDefaults = { claims: none }

export const volumeFields: FieldDefaults = Object.fromEntries(
  [
    'awsElasticBlockStore', 'azureDisk', 'azureFile', 'cephfs', 'csi', 'ephemeral', 'fc', 'flexVolume', 'flocker',
    'gcePersistentDisk', 'gitRepo', 'glusterfs', 'hostPath', 'image', 'iscsi', 'nfs', 'photonPersistentDisk', 'portworxVolume',
    'quobyte', 'rbd', 'scaleIO', 'storageos', 'vsphereVolume',
  ].map((name) => [name, none]),
)

/** Why some of them are not carried out, and what to write instead. */
export type FieldHints = Readonly<Record<string, string>>

const ownVolume = 'name a Volume of the tenant in cinder {volumeID}, or a claim in persistentVolumeClaim {claimName}'
export const volumeHints: FieldHints = {
  ...Object.fromEntries(['awsElasticBlockStore', 'azureDisk', 'csi', 'fc', 'gcePersistentDisk', 'iscsi', 'nfs', 'rbd', 'vsphereVolume'].map((name) => [name, ownVolume])),
  ephemeral: 'write a PersistentVolumeClaim of its own, and name that in persistentVolumeClaim {claimName}; what may go with the pod has room in an emptyDir',
  image: 'make a Volume of the image (source {kind: Image, reference}), and name that in cinder {volumeID}',
  hostPath: `a pod is a machine of its own, and sees no folder of its host: use emptyDir, or ${ownVolume}`,
}

/** `secretRef` is of another cloud's credentials. */
export const cinderFields: FieldDefaults = { secretRef: none }

export const claimFields: FieldDefaults = { selector: none, volumeAttributesClassName: [''] }
export const claimHints: FieldHints = {
  selector: 'name the Volume that it shall have in volumeName, or leave both out, and one is made',
  volumeAttributesClassName: 'storageClassName says what a volume may do at most, and limits of the Volume itself may be lower, so remove it',
}
/** A source in another namespace is alpha in Kubernetes, too. */
export const claimSourceFields: FieldDefaults = { namespace: [''] }
export const claimSourceHints: FieldHints = { namespace: 'a claim is made of another one of its own namespace, or of a snapshot, and those lie in none, so remove it' }
export const snapshotFields: FieldDefaults = { volumeSnapshotClassName: [''] }
export const snapshotHints: FieldHints = { volumeSnapshotClassName: 'a snapshot lies in the store of its volume, and stays until it is deleted, so remove it' }
/** `volumeSnapshotContentName` is of snapshots that were made elsewhere. */
export const snapshotSourceFields: FieldDefaults = { volumeSnapshotContentName: [''] }
export const snapshotSourceHints: FieldHints = { volumeSnapshotContentName: 'name a volume in volumeName, or a claim in persistentVolumeClaimName' }

const isAbsent = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0)

export const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

export type FieldPath = (string | number)[]
type Report = (path: FieldPath, message: string) => void

/** Removes what holds its default, reports the rest; what neither table knows is left for the strict schema to refuse. `hints`: what to write instead, by field. */
export function prune(value: unknown, fields: FieldDefaults, path: FieldPath, report: Report, hints: FieldHints = {}): unknown {
  if (!isMap(value)) return value
  const kept: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    const defaults = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (defaults) {
      if (!isAbsent(field) && !defaults.includes(field)) report([...path, name], `Kubernetes has this field, Hypernetes does not carry it out${Object.hasOwn(hints, name) ? `: ${hints[name] ?? ''}` : ' yet: remove it'}`)
    } else if (field !== null) kept[name] = field
  }
  return kept
}

export const each = (value: unknown, path: FieldPath, visit: (item: unknown, path: FieldPath) => unknown): unknown =>
  Array.isArray(value) ? value.map((item, i) => visit(item, [...path, i])) : value

export const within = (map: unknown, visits: Record<string, (value: unknown, path: FieldPath) => unknown>, path: FieldPath): unknown => {
  if (!isMap(map)) return map
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, Object.hasOwn(visits, name) ? visits[name]!(value, [...path, name]) : value]))
}

function pruneContainer(container: unknown, path: FieldPath, report: Report, fields = containerFields): unknown {
  const list = (fields: FieldDefaults) => (value: unknown, at: FieldPath) => each(value, at, (item, p) => prune(item, fields, p, report))
  return within(prune(container, fields, path, report), {
    ports: list(portFields),
    env: list(environmentFields),
    volumeMounts: list(volumeMountFields),
    resources: (value, at) => prune(value, resourceFields, at, report),
    securityContext: (value, at) => prune(value, containerSecurityContextFields, at, report),
    lifecycle: (value, at) => prune(value, lifecycleFields, at, report),
  }, path)
}

/** An empty name of these is none, as in Kubernetes' decoder with omitempty. */
const withoutEmptyNames = (spec: unknown): unknown =>
  isMap(spec) ? Object.fromEntries(Object.entries(spec).filter(([name, value]) => !(value === '' && (name === 'hostname' || name === 'subdomain' || name === 'fsType')))) : spec

const pruneVolume = (volume: unknown, path: FieldPath, report: Report): unknown =>
  within(prune(volume, volumeFields, path, report, volumeHints), { cinder: (value, at) => withoutEmptyNames(prune(value, cinderFields, at, report)) }, path)

/** Takes what Hypernetes does not carry out out of a pod's spec and reports each field that asks for more than its default. */
export function prunePodSpec(spec: unknown, path: FieldPath, report: Report): unknown {
  return within(prune(withoutEmptyNames(spec), podFields, path, report), {
    initContainers: (value, at) => each(value, at, (item, p) => pruneContainer(item, p, report, initContainerFields)),
    containers: (value, at) => each(value, at, (item, p) => pruneContainer(item, p, report)),
    volumes: (value, at) => each(value, at, (item, p) => pruneVolume(item, p, report)),
    securityContext: (value, at) => prune(value, podSecurityContextFields, at, report),
  }, path)
}

/** The same for `metadata`: what only the server sets is refused by name. */
export function pruneMetadata(metadata: unknown, path: FieldPath, report: Report): unknown {
  return prune(prune(metadata, laterMetadataFields, path, report), metadataFields, path, (at) => report(at, 'is set by the server: remove it'))
}
