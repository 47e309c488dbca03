import { z } from 'zod'
import { dnsSubdomain } from '../shared/names'
import { divisorQuantity, text } from './fields'

/** A key of a ConfigMap or Secret: a file name (Kubernetes' IsConfigMapKey). */
export const configurationKey = z.string({ error: 'must be a string: quote it' }).min(1, 'must not be empty').max(253, 'must be at most 253 characters').regex(/^[-._a-zA-Z0-9]+$/, 'must be letters, digits, "-", "_" and "."').refine((k) => k !== '.' && !k.startsWith('..'), 'must not be "." or start with ".."')
const optional = z.boolean().default(false)
const keyReference = z.strictObject({ name: dnsSubdomain, key: configurationKey, optional })
const objectReference = z.strictObject({ name: dnsSubdomain, optional })

/** What the downward fields may name; what is said of the host beyond its name is not the tenant's to know. */
const variableFields = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'status.podIP', 'status.podIPs', 'spec.serviceAccountName']
const volumeFields = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.labels', 'metadata.annotations']
const keyed = /^metadata\.(labels|annotations)\['([^']{1,317})'\]$/
const fieldPath = (known: readonly string[]) => text.max(400).refine((p) => known.includes(p) || keyed.test(p), `must be one of ${known.join(', ')}, metadata.labels['KEY'], metadata.annotations['KEY']`)
const apiVersion = z.literal('v1').default('v1')
export const variableFieldRef = z.strictObject({ apiVersion, fieldPath: fieldPath(variableFields) })
export const volumeFieldRef = z.strictObject({ apiVersion, fieldPath: fieldPath(volumeFields) })
const resourceName = z.enum(['limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage'], { error: 'must be limits. or requests. with cpu, memory or ephemeral-storage' })
export const resourceFieldRef = z.strictObject({ containerName: z.string().max(63).optional(), resource: resourceName, divisor: divisorQuantity.default('0') })

const valueSource = z
  .strictObject({ configMapKeyRef: keyReference.optional(), secretKeyRef: keyReference.optional(), fieldRef: variableFieldRef.optional(), resourceFieldRef: resourceFieldRef.optional() })
  .refine((s) => Object.values(s).filter((v) => v !== undefined).length === 1, 'must have exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef')

export const environmentVariable = z
  .strictObject({
    name: text.regex(/^[^=\0]+$/, 'must not be empty and holds no "="').max(4096),
    value: text.max(128 << 10, 'must be at most 128 KiB').refine((v) => !v.includes('\0'), 'must not contain a zero byte').default(''),
    valueFrom: valueSource.optional(),
  })
  .refine((v) => v.valueFrom === undefined || v.value === '', { path: ['valueFrom'], message: 'must not stand beside value' })
export const environmentSource = z
  .strictObject({ prefix: text.max(253).regex(/^[^=\0]*$/, 'holds no "="').default(''), configMapRef: objectReference.optional(), secretRef: objectReference.optional() })
  .refine((s) => (s.configMapRef === undefined) !== (s.secretRef === undefined), 'must have exactly one of configMapRef and secretRef')

export type EnvironmentVariable = z.infer<typeof environmentVariable>
export type EnvironmentSource = z.infer<typeof environmentSource>
export type ResourceFieldRef = z.infer<typeof resourceFieldRef>
