import { parseQuantity } from '../shared/quantity'
import type { PodFacts } from './configuration'
import type { ResourceFieldRef } from './environment'
import { guestOverheadMiB, podSize } from './size'
import { podContainers, type PodSpec } from './spec'

const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/

/** A map as Kubernetes writes it into a file: a line `key="value"` each, by key. Source: kubernetes pkg/fieldpath, FormatMap. */
export const formatMap = (map: Readonly<Record<string, string>>): string =>
  Object.keys(map).sort().map((key) => `${key}=${quote(map[key] ?? '')}`).join('\n')

const escapes: Readonly<Record<string, string>> = { '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' }

/** Go's strconv.Quote, which is what %q prints. */
function quote(text: string): string {
  const body = [...text].map((c) => {
    if (escapes[c] !== undefined) return escapes[c]
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(c)) return c
    const code = c.codePointAt(0) ?? 0
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
  })
  return `"${body.join('')}"`
}

/** The value of a field of the pod; null for one that is not known. A label or annotation that is not there is empty. */
export function fieldValue(path: string, facts: PodFacts): string | null {
  const key = keyed.exec(path)
  if (key) {
    const map = key[1] === 'labels' ? facts.labels : facts.annotations
    return Object.hasOwn(map, key[2]!) ? (map[key[2]!] ?? '') : ''
  }
  switch (path) {
    case 'metadata.name': return facts.name
    case 'metadata.namespace': return facts.namespace
    case 'metadata.uid': return facts.uid
    case 'metadata.labels': return formatMap(facts.labels)
    case 'metadata.annotations': return formatMap(facts.annotations)
    case 'spec.nodeName': return facts.hostName
    // Every pod has Kubernetes' default account in name; there are no others.
    case 'spec.serviceAccountName': return 'default'
    case 'status.podIP':
    case 'status.podIPs': return facts.podIP
    default: return null
  }
}

/**
 * A container's request or limit in units of the divisor, rounded up. Without a limit it is what the machine has, as
 * Kubernetes takes what the node has; without a request it is the limit, or 0.
 * Source: kubernetes pkg/api/v1/resource, ExtractContainerResourceValue.
 */
export function resourceValue(ref: ResourceFieldRef, ownContainer: string | null, spec: PodSpec): { value: string } | { problem: string } {
  const name = ref.containerName || ownContainer
  const container = podContainers(spec).find((c) => c.spec.name === name)?.spec
  if (!container) return { problem: name ? `The pod has no container "${name}", which a resourceFieldRef names: correct containerName.` : `A resourceFieldRef for ${ref.resource} names no container: set containerName.` }
  const divisor = ref.divisor === '0' ? 1 : parseQuantity(ref.divisor)
  if (divisor === null || divisor <= 0) return { problem: `The divisor "${ref.divisor}" of ${ref.resource} is no quantity above 0: use one such as "1" or "1Mi".` }
  const [kind, resource] = split(ref.resource)
  const { limits, requests } = container.resources
  const given = kind === 'limits' ? limits[resource] : (requests[resource] ?? limits[resource])
  const amount = given === undefined ? (kind === 'limits' ? machineAmount(resource, spec) : 0) : parseQuantity(given)
  if (amount === null) return { problem: `Container "${container.name}" has no limit of ${resource}, which a resourceFieldRef asks for: set resources.limits.` }
  return { value: String(Math.ceil(amount / divisor - 1e-9)) }
}

type Resource = 'cpu' | 'memory' | 'ephemeral-storage'
function split(resource: ResourceFieldRef['resource']): ['limits' | 'requests', Resource] {
  const [kind, name] = resource.split('.')
  return [kind === 'limits' ? 'limits' : 'requests', name === 'cpu' ? 'cpu' : name === 'memory' ? 'memory' : 'ephemeral-storage']
}

/** What the pod's machine gives to its containers, in base units; null where the host decides. */
function machineAmount(resource: Resource, spec: PodSpec): number | null {
  const size = podSize(spec)
  if (resource === 'cpu') return size.vcpus
  if (resource === 'memory') return (size.memoryMiB - guestOverheadMiB) * 2 ** 20
  return size.scratchMiB === null ? null : size.scratchMiB * 2 ** 20
}
