import type { ContainerRole, ContainerSpec, PodSpec } from './spec'

type Named = { spec: ContainerSpec; role: ContainerRole }

/**
 * All containers of a pod in the order in which they start. Only types come from the schemas, so that a page of the
 * console needs no schema library for it.
 */
export const containersOf = (spec: PodSpec): Named[] => [
  ...spec.initContainers.map((c): Named => ({ spec: c, role: c.restartPolicy === 'Always' ? 'sidecar' : 'init' })),
  ...spec.containers.map((c): Named => ({ spec: c, role: 'container' })),
]

/** The spec of a pod's container of this name, whatever its role. */
export const podContainerSpec = (spec: PodSpec, name: string): ContainerSpec | undefined => containersOf(spec).find((each) => each.spec.name === name)?.spec
