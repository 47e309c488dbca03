import { textToBase64 } from '../shared/base64'
import { findObject, missingKey, missingObject, type ConfigurationObject, type PodConfiguration, type PodFacts } from './configuration'
import { fieldValue, resourceValue } from './downward'
import type { PodSpec } from './spec'
import type { VolumeSpec } from './volume'

/** A file of a volume: `path` is relative without "." or "..", `mode` as in chmod. */
export type ProjectedFile = { path: string; mode: number; contentBase64: string }
type Item = { key: string; path: string; mode?: number | undefined }
type ObjectSource = { kind: ConfigurationObject['kind']; name: string; items: readonly Item[] | undefined; optional: boolean }
type DownwardItem = NonNullable<VolumeSpec['downwardAPI']>['items'][number]

/**
 * The files of a volume that is made of configuration: configMap, secret, downwardAPI, and projected, whose later sources
 * win. Without `items` every key is a file. With a problem the volume cannot be made. An emptyDir has no files.
 */
export function projectVolume(volume: VolumeSpec, spec: PodSpec, configuration: PodConfiguration | null, facts: PodFacts): { files: ProjectedFile[]; problems: string[] } {
  const projection = new Projection(volume.name, spec, configuration, facts)
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap) projection.addObject({ ...configMap, kind: 'ConfigMap', items: configMap.items }, configMap.defaultMode)
  if (secret) projection.addObject({ ...secret, kind: 'Secret', name: secret.secretName, items: secret.items }, secret.defaultMode)
  if (downwardAPI) projection.addDownward(downwardAPI.items, downwardAPI.defaultMode)
  for (const source of projected?.sources ?? []) {
    const mode = projected?.defaultMode ?? 0o644
    if (source.configMap) projection.addObject({ ...source.configMap, kind: 'ConfigMap', items: source.configMap.items }, mode)
    if (source.secret) projection.addObject({ ...source.secret, kind: 'Secret', items: source.secret.items }, mode)
    if (source.downwardAPI) projection.addDownward(source.downwardAPI.items, mode)
  }
  return projection.result()
}

class Projection {
  private readonly files = new Map<string, ProjectedFile>()
  private readonly problems = new Set<string>()

  constructor(
    private readonly volume: string,
    private readonly spec: PodSpec,
    private readonly configuration: PodConfiguration | null,
    private readonly facts: PodFacts,
  ) {}

  addObject({ kind, name, items, optional }: ObjectSource, defaultMode: number): void {
    const object = findObject(this.configuration, kind, name)
    if (!object) {
      if (!optional) this.problems.add(missingObject(kind, name, this.facts.namespace))
      return
    }
    for (const { key, path, mode } of items ?? Object.keys(object.data).sort().map((key): Item => ({ key, path: key }))) {
      const content = Object.hasOwn(object.data, key) ? object.data[key] : undefined
      if (content !== undefined) this.add(path, mode ?? defaultMode, content)
      else if (!optional) this.problems.add(missingKey(kind, name, key))
    }
  }

  addDownward(items: readonly DownwardItem[], defaultMode: number): void {
    for (const { path, mode, fieldRef, resourceFieldRef } of items) {
      const found = resourceFieldRef ? resourceValue(resourceFieldRef, null, this.spec) : { value: fieldValue(fieldRef?.fieldPath ?? '', this.facts) ?? '' }
      if ('problem' in found) this.problems.add(found.problem)
      else this.add(path, mode ?? defaultMode, textToBase64(found.value))
    }
  }

  private add(path: string, mode: number, contentBase64: string): void {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    // Names that start with ".." at the top are the atomic writer's own.
    if (parts.length === 0 || parts.includes('..') || parts[0]?.startsWith('..')) this.problems.add(`Volume "${this.volume}" cannot hold a file at "${path}": name a relative path that does not start with "..".`)
    else this.files.set(parts.join('/'), { path: parts.join('/'), mode, contentBase64 })
  }

  result(): { files: ProjectedFile[]; problems: string[] } {
    for (const path of this.files.keys()) {
      const above = path.split('/').slice(0, -1).map((_, i, parts) => parts.slice(0, i + 1).join('/')).find((folder) => this.files.has(folder))
      if (above !== undefined) this.problems.add(`Volume "${this.volume}" holds a file at "${above}" and another one below it, "${path}": choose another path for one of them.`)
    }
    return { files: [...this.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), problems: [...this.problems] }
  }
}
