import { z } from 'zod'
import { defaultPullPolicy, parseReference } from '../image/reference'
import { dnsLabel } from '../shared/names'
import { environmentSource, environmentVariable } from './environment'
import { absolutePath, argument, relativePath, resources, text } from './fields'
import { endingProbe, lifecycle, readinessProbe } from './probe'
import { containerSecurityContext } from './security-context'

const containerPort = z.strictObject({
  name: z.string().max(15, 'must be at most 15 characters').regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"').optional(),
  containerPort: z.number({ error: 'must be a number' }).int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535'),
  protocol: z.enum(['TCP', 'UDP'], { error: 'must be TCP or UDP (SCTP is not carried out)' }).default('TCP'),
})
const volumeMount = z.strictObject({ name: dnsLabel, mountPath: absolutePath, readOnly: z.boolean().default(false), subPath: relativePath.optional() })
/** A volume of mode Block as a device node of the container. */
const volumeDevice = z.strictObject({ name: dnsLabel, devicePath: absolutePath })

const imageName = text.trim().max(512).superRefine((image, context) => {
  const parsed = parseReference(image)
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message })
})

const common = {
  name: dnsLabel,
  image: imageName,
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  command: z.array(argument).max(1024).default([]),
  args: z.array(argument).max(1024).default([]),
  env: z.array(environmentVariable).max(1000).default([]),
  envFrom: z.array(environmentSource).max(100).default([]),
  workingDir: absolutePath.optional(),
  resources: resources.default({ limits: {}, requests: {} }),
  ports: z.array(containerPort).max(100).default([]),
  volumeMounts: z.array(volumeMount).max(100).default([]),
  /** Left out where there are none, also where a manifest says so with an empty list: agents of before volumes read a spec strictly, and would refuse the pod. */
  volumeDevices: z.array(volumeDevice).max(100).transform((devices) => (devices.length > 0 ? devices : undefined)).optional(),
  securityContext: containerSecurityContext.optional(),
  livenessProbe: endingProbe.optional(),
  readinessProbe: readinessProbe.optional(),
  startupProbe: endingProbe.optional(),
  lifecycle: lifecycle.optional(),
  stdin: z.boolean().default(false),
  stdinOnce: z.boolean().default(false),
  tty: z.boolean().default(false),
  terminationMessagePath: absolutePath.default('/dev/termination-log'),
  terminationMessagePolicy: z.enum(['File', 'FallbackToLogsOnError'], { error: 'must be File or FallbackToLogsOnError' }).default('File'),
}

export const containerSpec = z.strictObject(common)
/** An init container; with restartPolicy Always it is a sidecar, which runs beside the containers until they have ended. */
export const initContainerSpec = z
  .strictObject({ ...common, restartPolicy: z.enum(['Always'], { error: 'must be Always (a sidecar) or left out' }).optional() })
  .superRefine((c, context) => {
    if (c.restartPolicy === 'Always') return
    for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const) {
      if (c[field] !== undefined) context.addIssue({ code: 'custom', path: [field], message: 'is for containers that go on running: remove it, or set restartPolicy: Always' })
    }
  })

export type ContainerSpec = z.infer<typeof containerSpec>
export type InitContainerSpec = z.infer<typeof initContainerSpec>

/** Kubernetes' default: Always for the tag `latest` or none, IfNotPresent otherwise. */
export function pullPolicy(container: Pick<ContainerSpec, 'image' | 'imagePullPolicy'>): 'Always' | 'IfNotPresent' | 'Never' {
  const parsed = parseReference(container.image)
  return container.imagePullPolicy ?? (parsed.ok ? defaultPullPolicy(parsed.value) : 'IfNotPresent')
}
