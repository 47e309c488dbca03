import { writeManifest } from '@/domain/manifest/write'
import type { PodView } from '@/domain/pod/view'

type Source = { metadata: Pick<PodView['metadata'], 'namespace' | 'name' | 'labels' | 'annotations'>; spec: PodView['spec'] }

/** A pod as the manifest that makes it again; under another name where one is given. */
export const draftOf = ({ metadata: { namespace, name, labels, annotations }, spec }: Source, newName = name): string => writeManifest('Pod', { name: newName, namespace, labels, annotations }, spec)

/** A name for a copy, at most as long as a name may be. */
export const copyName = (name: string): string => `${name.slice(0, 58).replace(/[-.]+$/, '')}-copy`
