import { fromBase64, utf8Text } from '../shared/base64'
import { findObject, missingKey, missingObject, type ConfigurationObject, type PodConfiguration, type PodFacts } from './configuration'
import type { ContainerSpec } from './container'
import { fieldValue, resourceValue } from './downward'
import type { EnvironmentSource, EnvironmentVariable } from './environment'
import { expandVariables } from './expand'
import type { PodSpec } from './spec'

type Given = { configuration: PodConfiguration | null; spec: PodSpec; facts: PodFacts }
/** `env` is what the process gets: each name once, references expanded. With a problem the container cannot be made; warnings tell what was left out. */
export type ResolvedEnvironment = { env: { name: string; value: string }[]; problems: string[]; warnings: string[] }

/** A name that Kubernetes takes from a ConfigMap or Secret into the environment. Source: apimachinery, IsEnvVarName. */
const variableName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/

/**
 * The environment of a container, as Kubernetes makes it: `envFrom` in order, then `env`, later ones winning. `$(NAME)`
 * is expanded in `value` alone, so that what a Secret holds stays as it is: expand nothing of the result again.
 * What is optional and missing is left out. Source: kubernetes pkg/kubelet, makeEnvironmentVariables.
 */
export function resolveEnvironment(container: ContainerSpec, spec: PodSpec, configuration: PodConfiguration | null, facts: PodFacts): ResolvedEnvironment {
  const given = { configuration, spec, facts }
  const known: Record<string, string> = Object.create(null)
  const problems: string[] = []
  const warnings: string[] = []
  for (const source of container.envFrom) addSource(source, given, known, problems, warnings)
  for (const variable of container.env) {
    const found = variableValue(variable, container.name, given, known)
    if ('problem' in found) problems.push(found.problem)
    else if (found.value !== null) known[variable.name] = found.value
  }
  return { env: Object.entries(known).map(([name, value]) => ({ name, value })), problems: [...new Set(problems)], warnings }
}

function addSource(source: EnvironmentSource, { configuration, facts }: Given, known: Record<string, string>, problems: string[], warnings: string[]): void {
  const kind = source.configMapRef ? 'ConfigMap' : 'Secret'
  const reference = source.configMapRef ?? source.secretRef
  if (!reference) return
  const object = findObject(configuration, kind, reference.name)
  if (!object) {
    if (!reference.optional) problems.push(missingObject(kind, reference.name, facts.namespace))
    return
  }
  const skipped: string[] = []
  for (const key of Object.keys(object.data).sort()) {
    const name = `${source.prefix}${key}`
    if (object.binaryKeys?.includes(key)) continue
    if (!variableName.test(name) || name === '.' || name.startsWith('..')) {
      skipped.push(`"${name}"`)
      continue
    }
    const value = textOf(object, key)
    if ('problem' in value) problems.push(value.problem)
    else known[name] = value.value
  }
  if (skipped.length > 0) warnings.push(`Keys of ${kind} "${reference.name}" were left out, since they are no names of variables: ${skipped.slice(0, 20).join(', ')}${skipped.length > 20 ? ` and ${skipped.length - 20} more` : ''}. Rename them, or set a prefix.`)
}

type Value = { value: string } | { problem: string }

function variableValue({ value, valueFrom }: EnvironmentVariable, container: string, { configuration, spec, facts }: Given, known: Record<string, string>): { value: string | null } | { problem: string } {
  if (!valueFrom) return { value: expandVariables(value, known) }
  if (valueFrom.fieldRef) return { value: fieldValue(valueFrom.fieldRef.fieldPath, facts) ?? '' }
  if (valueFrom.resourceFieldRef) return resourceValue(valueFrom.resourceFieldRef, container, spec)
  const kind = valueFrom.configMapKeyRef ? 'ConfigMap' : 'Secret'
  const reference = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef
  if (!reference) return { value: null }
  const object = findObject(configuration, kind, reference.name)
  if (!object) return reference.optional ? { value: null } : { problem: missingObject(kind, reference.name, facts.namespace) }
  if (!Object.hasOwn(object.data, reference.key)) return reference.optional ? { value: null } : { problem: missingKey(kind, reference.name, reference.key) }
  if (object.binaryKeys?.includes(reference.key)) return { problem: notText(object, reference.key) }
  return textOf(object, reference.key)
}

/** A key's value as the text of a variable; the value itself never stands in a problem. */
function textOf(object: ConfigurationObject, key: string): Value {
  const bytes = fromBase64(object.data[key] ?? '')
  const value = bytes && utf8Text(bytes)
  if (value === null) return { problem: notText(object, key) }
  if (value.includes('\0')) return { problem: `Key "${key}" of ${object.kind} "${object.name}" holds a zero byte, which no variable can: mount it as a file.` }
  return { value }
}

const notText = (object: ConfigurationObject, key: string): string => `Key "${key}" of ${object.kind} "${object.name}" is not text in UTF-8, so it cannot be a variable: mount it as a file.`
