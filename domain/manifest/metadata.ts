import { z } from 'zod'
import { configurationGenerateName, configurationName } from '../config-map/content'
import { checkedPodAnnotations, generateName, podName } from '../pod/manifest'
import { secretAnnotations } from '../secret/spec'
import { serviceName } from '../service/spec'
import { annotations, dnsLabel, dnsSubdomain, labels, type Labels } from '../shared/names'

export type Metadata = { name: string; labels: Labels; annotations: Labels }
export type NamespacedMetadata = Metadata & { namespace: string; generateName: string | null }

const common = { labels: labels.default({}), annotations: annotations.default({}) }
const namespaced = <N extends z.ZodType<string>, G extends z.ZodType<string>>(name: N, generateName: G, ofKind: typeof annotations = annotations) =>
  z
    .strictObject({ name: name.optional(), generateName: generateName.optional(), namespace: dnsLabel.default('default'), labels: common.labels, annotations: ofKind.default({}) })
    .refine((m) => m.name !== undefined || m.generateName !== undefined, { path: ['name'], message: 'is required (or generateName)' })
    .transform((m) => ({ ...m, name: m.name ?? '', generateName: m.name === undefined ? (m.generateName ?? null) : null }))

export const podMetadata = namespaced(podName, generateName, checkedPodAnnotations)
export const configurationMetadata = namespaced(configurationName, configurationGenerateName)
export const secretMetadata = namespaced(configurationName, configurationGenerateName, secretAnnotations)
/** What is named by others has a name of its own. */
const noGeneratedName = { generateName: z.undefined({ error: 'is not carried out for this kind: give it a name' }).optional() }
/** Of what lies in no namespace. */
export const clusterMetadata = z.strictObject({ name: dnsLabel, ...noGeneratedName, ...common })
/** Of what lies in a namespace and is always called by its own name. */
const named = <N extends z.ZodType<string>>(name: N) => z.strictObject({ name, ...noGeneratedName, namespace: dnsLabel.default('default'), ...common })
export const serviceMetadata = named(serviceName)
export const endpointsMetadata = named(serviceName)
export const ingressMetadata = named(dnsSubdomain)
export const policyMetadata = named(dnsSubdomain)
export const claimMetadata = named(dnsSubdomain)
export const volumeMetadata = z.strictObject({ name: dnsSubdomain, ...noGeneratedName, ...common })
/** Snapshots lie in no namespace; one that is written is where the claim of the snapshot lies, as in Kubernetes. */
export const snapshotMetadata = volumeMetadata.extend({ namespace: dnsLabel.optional() })
