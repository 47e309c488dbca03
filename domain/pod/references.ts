import { configurationReferences, type ConfigurationReference } from './configuration'
import { volumeReferences, type VolumeReference } from './persistent-volumes'
import type { PodSpec } from './spec'

/** All objects that a spec names, whether they are there or not: written down with the pod, so that each can say which pods use it. */
export const podReferences = (spec: PodSpec): (ConfigurationReference | VolumeReference)[] => [...configurationReferences(spec), ...volumeReferences(spec)]
