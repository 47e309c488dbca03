import { z } from 'zod'
import type { PodSpec } from './spec'

/** A ConfigMap or Secret as a host gets it: every value in base64, so that text and bytes are one. */
export const configurationObject = z.object({
  kind: z.enum(['ConfigMap', 'Secret']),
  name: z.string().max(253),
  /** A Secret's type, such as kubernetes.io/dockerconfigjson; empty for a ConfigMap. */
  type: z.string().max(253).default(''),
  data: z.record(z.string().max(253), z.base64()),
  /** The keys that stand in a ConfigMap's binaryData: files are made of them, variables are not. */
  binaryKeys: z.array(z.string().max(253)).max(100_000).optional(),
})
export type ConfigurationObject = z.infer<typeof configurationObject>
export type PodConfiguration = { revision: string; objects: readonly ConfigurationObject[] }

/** What downward fields tell of a pod. */
export type PodFacts = {
  name: string
  namespace: string
  uid: string
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  podIP: string
  hostName: string
}

/** The object that a reference names; null when it is missing. */
export const findObject = (configuration: PodConfiguration | null, kind: ConfigurationObject['kind'], name: string): ConfigurationObject | null =>
  configuration?.objects.find((o) => o.kind === kind && o.name === name) ?? null

/** What to do about an object or key that a pod needs and that is not there. */
export const missingObject = (kind: ConfigurationObject['kind'], name: string, namespace: string): string =>
  `${kind} "${name}" does not exist in namespace "${namespace}": create it, or mark the reference optional.`
export const missingKey = (kind: ConfigurationObject['kind'], name: string, key: string): string => `${kind} "${name}" has no key "${key}": add it, or mark the reference optional.`

/** Where a pod's spec names an object. `optional` holds only where every use of it is. */
export type ConfigurationReference = { kind: ConfigurationObject['kind']; name: string; optional: boolean }

/** The ConfigMaps and Secrets that a spec names anywhere, each once, in a fixed order. A pull secret is optional, as in Kubernetes. */
export function configurationReferences(spec: PodSpec): ConfigurationReference[] {
  const found = new Map<string, ConfigurationReference>()
  const add = (kind: ConfigurationReference['kind'], name: string | undefined, optional: boolean) => {
    if (name === undefined) return
    const key = `${kind}/${name}`
    found.set(key, { kind, name, optional: optional && (found.get(key)?.optional ?? true) })
  }
  for (const container of [...spec.initContainers, ...spec.containers]) {
    for (const { valueFrom } of container.env) {
      if (valueFrom?.configMapKeyRef) add('ConfigMap', valueFrom.configMapKeyRef.name, valueFrom.configMapKeyRef.optional)
      if (valueFrom?.secretKeyRef) add('Secret', valueFrom.secretKeyRef.name, valueFrom.secretKeyRef.optional)
    }
    for (const source of container.envFrom) {
      add('ConfigMap', source.configMapRef?.name, source.configMapRef?.optional ?? false)
      add('Secret', source.secretRef?.name, source.secretRef?.optional ?? false)
    }
  }
  for (const volume of spec.volumes) {
    add('ConfigMap', volume.configMap?.name, volume.configMap?.optional ?? false)
    add('Secret', volume.secret?.secretName, volume.secret?.optional ?? false)
    for (const source of volume.projected?.sources ?? []) {
      add('ConfigMap', source.configMap?.name, source.configMap?.optional ?? false)
      add('Secret', source.secret?.name, source.secret?.optional ?? false)
    }
  }
  for (const { name } of spec.imagePullSecrets) add('Secret', name, true)
  return [...found.values()].sort((a, b) => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1))
}
