import type { Labels } from '../shared/names'
import type { NamespaceSpec } from '../namespace/spec'
import type { NetworkSpec } from '../network/spec'
import type { ContainerSpec, PodSpec } from '../pod/spec'
import { toYaml } from './source'

type Metadata = { name: string; namespace?: string; labels?: Labels; annotations?: Labels }

const isEmpty = (value: unknown): boolean => value === undefined || (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && value !== null && Object.keys(value).length === 0)
const withoutEmpty = <T extends object>(map: T): Partial<T> => Object.fromEntries(Object.entries(map).filter(([, v]) => !isEmpty(v))) as Partial<T>

const container = (c: ContainerSpec) => withoutEmpty({ ...c, resources: withoutEmpty(c.resources) })

/** A pod's spec as a person would write it: what is empty or a default is left out. */
export function conciseSpec(spec: PodSpec): object {
  const { restartPolicy, terminationGracePeriodSeconds, ...rest } = spec
  return withoutEmpty({
    ...rest,
    containers: spec.containers.map(container),
    volumes: spec.volumes.map((v) => ({ name: v.name, emptyDir: withoutEmpty({ medium: v.emptyDir.medium || undefined, sizeLimit: v.emptyDir.sizeLimit }) })),
    restartPolicy: restartPolicy === 'Always' ? undefined : restartPolicy,
    terminationGracePeriodSeconds: terminationGracePeriodSeconds === 30 ? undefined : terminationGracePeriodSeconds,
  })
}

/** A manifest of one object, ready for the editor and for `manifest.apply`. */
export function writeManifest(kind: 'Pod', metadata: Metadata, spec: PodSpec): string
export function writeManifest(kind: 'Namespace', metadata: Metadata, spec: NamespaceSpec): string
export function writeManifest(kind: 'Network', metadata: Metadata, spec: NetworkSpec): string
export function writeManifest(kind: 'Pod' | 'Namespace' | 'Network', metadata: Metadata, spec: PodSpec | NamespaceSpec | NetworkSpec): string {
  const shown = 'containers' in spec ? conciseSpec(spec) : spec
  return toYaml({ apiVersion: 'v1', kind, metadata: withoutEmpty(metadata), ...(isEmpty(shown) ? {} : { spec: shown }) })
}
