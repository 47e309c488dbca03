import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'

export const configurationMetadata = objectMetadata.extend({ namespace: z.string() })
/** A ConfigMap or Secret in a list: `keys` are the first twenty of `keyCount`; `pods` is how many pods name it. */
const summary = { metadata: configurationMetadata, immutable: z.boolean(), bytes: z.number().int(), keyCount: z.number().int(), keys: z.array(z.string()), pods: z.number().int() }
export const keySize = z.object({ key: z.string(), bytes: z.number().int() })
/** Pods that name an object, by name, at most a hundred. */
export const podUse = z.object({ namespace: z.string(), name: z.string() })
export type PodUse = z.infer<typeof podUse>

export const configMapSummary = z.object(summary)
export type ConfigMapSummary = z.infer<typeof configMapSummary>
export const configMapView = configMapSummary.extend({ data: z.record(z.string(), z.string()), binaryData: z.record(z.string(), z.string()), usedBy: z.array(podUse) })
export type ConfigMapView = z.infer<typeof configMapView>

/** A Secret is shown without its values. */
export const secretSummary = z.object({ ...summary, type: z.string() })
export type SecretSummary = z.infer<typeof secretSummary>
export const secretView = secretSummary.extend({ sizes: z.array(keySize), usedBy: z.array(podUse) })
export type SecretView = z.infer<typeof secretView>
/** The values of a Secret in base64: what `secret.reveal` alone answers. */
export const revealedSecret = z.object({ type: z.string(), data: z.record(z.string(), z.string()) })
