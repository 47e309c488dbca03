import { z } from 'zod'
import { defaultPullPolicy, parseReference } from '../image/reference'
import { dnsLabel } from '../shared/names'
import { parseBytes, parseMilliCpu } from '../shared/quantity'

/**
 * The part of Kubernetes' PodSpec that Hypernetes carries out, with Kubernetes' defaults filled in. What Kubernetes
 * has beyond it is told apart in kubernetes-fields.ts, so that it is refused by name and never dropped.
 */
const integerId = z.number({ error: 'must be a whole number' }).int('must be a whole number').min(0, 'must be 0 or more').max(2 ** 31 - 1, 'must be at most 2147483647')
const text = z.string({ error: 'must be a string: quote it' })
const quantityText = z.union([z.string(), z.number().transform(String)], { error: 'must be a quantity such as "128Mi" or "250m"' })
const memoryQuantity = quantityText.refine((q) => (parseBytes(q) ?? 0) >= 4 << 20, 'must be a quantity of at least 4Mi, such as "128Mi"').refine((q) => (parseBytes(q) ?? 0) <= 2 ** 40, 'must be at most 1Ti')
const cpuQuantity = quantityText.refine((q) => (parseMilliCpu(q) ?? 0) >= 1, 'must be a quantity of CPUs such as "1" or "250m"').refine((q) => (parseMilliCpu(q) ?? 0) <= 256_000, 'must be at most 256')
const absolutePath = text.max(4096).regex(/^\//, 'must be an absolute path').refine((p) => !p.split('/').includes('..') && !p.includes('\0') && !p.includes(':'), 'must not contain "..", ":" or a zero byte')

const resourceAmounts = z.strictObject({ cpu: cpuQuantity.optional(), memory: memoryQuantity.optional() })
export const resources = z
  .strictObject({ limits: resourceAmounts.default({}), requests: resourceAmounts.default({}) })
  .superRefine((r, context) => {
    const above = (kind: 'cpu' | 'memory', parse: (q: string) => number | null) => {
      const [request, limit] = [r.requests[kind], r.limits[kind]]
      if (request && limit && (parse(request) ?? 0) > (parse(limit) ?? 0)) context.addIssue({ code: 'custom', path: ['requests', kind], message: `must be at most the limit ${limit}` })
    }
    above('cpu', parseMilliCpu)
    above('memory', parseBytes)
  })

const environmentVariable = z.strictObject({
  name: text.regex(/^[^=\0]+$/, 'must not be empty and holds no "="').max(4096),
  value: text.max(128 << 10, 'must be at most 128 KiB').refine((v) => !v.includes('\0'), 'must not contain a zero byte').default(''),
})

const containerPort = z.strictObject({
  name: z.string().max(15, 'must be at most 15 characters').regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"').optional(),
  containerPort: z.number({ error: 'must be a number' }).int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535'),
  protocol: z.enum(['TCP', 'UDP'], { error: 'must be TCP or UDP (SCTP is not carried out)' }).default('TCP'),
})

const volumeMount = z.strictObject({ name: dnsLabel, mountPath: absolutePath, readOnly: z.boolean().default(false) })
const securityContext = z.strictObject({ runAsUser: integerId.optional(), runAsGroup: integerId.optional() })
const argument = text.max(128 << 10).refine((v) => !v.includes('\0'), 'must not contain a zero byte')

const imageName = text.trim().max(512).superRefine((image, context) => {
  const parsed = parseReference(image)
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message })
})

export const containerSpec = z.strictObject({
  name: dnsLabel,
  image: imageName,
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  command: z.array(argument).max(1024).default([]),
  args: z.array(argument).max(1024).default([]),
  env: z.array(environmentVariable).max(1000).default([]),
  workingDir: absolutePath.optional(),
  resources: resources.default({ limits: {}, requests: {} }),
  ports: z.array(containerPort).max(100).default([]),
  volumeMounts: z.array(volumeMount).max(100).default([]),
  securityContext: securityContext.optional(),
})

const emptyDir = z
  .strictObject({ medium: z.enum(['', 'Memory'], { error: 'must be "" or "Memory"' }).default(''), sizeLimit: memoryQuantity.optional() })
  .superRefine((v, context) => {
    if (v.sizeLimit && v.medium !== 'Memory') context.addIssue({ code: 'custom', path: ['sizeLimit'], message: 'is carried out for medium "Memory" only' })
  })
export const volumeSpec = z.strictObject({ name: dnsLabel, emptyDir: emptyDir })

const duplicates = (names: (string | undefined)[]) => names.map((name, i) => (name !== undefined && names.indexOf(name) < i ? i : -1)).filter((i) => i >= 0)

export const podSpec = z
  .strictObject({
    containers: z.array(containerSpec, { error: 'must be a list with at least one container' }).min(1, 'must have at least one container').max(20, 'must have at most 20 containers'),
    volumes: z.array(volumeSpec).max(50).default([]),
    restartPolicy: z.enum(['Always', 'OnFailure', 'Never'], { error: 'must be Always, OnFailure or Never' }).default('Always'),
    terminationGracePeriodSeconds: z.number().int().min(0).max(3600, 'must be at most 3600').default(30),
    hostname: dnsLabel.optional(),
    securityContext: securityContext.optional(),
  })
  .superRefine((spec, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    for (const i of duplicates(spec.containers.map((c) => c.name))) problem(['containers', i, 'name'], 'is the name of another container of this pod')
    for (const i of duplicates(spec.volumes.map((v) => v.name))) problem(['volumes', i, 'name'], 'is the name of another volume of this pod')
    const volumes = new Set(spec.volumes.map((v) => v.name))
    const ports = spec.containers.flatMap((c, i) => c.ports.map((p, j) => ({ key: `${p.containerPort}/${p.protocol}`, path: ['containers', i, 'ports', j, 'containerPort'] })))
    for (const i of duplicates(ports.map((p) => p.key))) problem(ports[i]!.path, `${ports[i]!.key} is taken: the containers of a pod share one network`)
    for (const [i, container] of spec.containers.entries()) {
      for (const [j, mount] of container.volumeMounts.entries()) if (!volumes.has(mount.name)) problem(['containers', i, 'volumeMounts', j, 'name'], `no volume "${mount.name}" is in spec.volumes`)
      for (const j of duplicates(container.volumeMounts.map((m) => m.mountPath))) problem(['containers', i, 'volumeMounts', j, 'mountPath'], 'another volume is mounted there')
      for (const j of duplicates(container.ports.map((p) => p.name))) problem(['containers', i, 'ports', j, 'name'], 'is the name of another port of this container')
    }
  })

export type PodSpec = z.infer<typeof podSpec>
export type ContainerSpec = z.infer<typeof containerSpec>
export type VolumeSpec = z.infer<typeof volumeSpec>
/** A spec as a user may send it: what has a default may be left out. */
export type PodSpecInput = z.input<typeof podSpec>

/** Kubernetes' default: Always for the tag `latest` or none, IfNotPresent otherwise. */
export function pullPolicy(container: ContainerSpec): 'Always' | 'IfNotPresent' | 'Never' {
  const parsed = parseReference(container.image)
  return container.imagePullPolicy ?? (parsed.ok ? defaultPullPolicy(parsed.value) : 'IfNotPresent')
}
