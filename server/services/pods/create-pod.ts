import { z } from 'zod'
import { problemCollector } from '@/domain/manifest/check'
import type { PodManifest } from '@/domain/manifest/parse'
import { podReferences } from '@/domain/pod/references'
import { generateName, podAnnotations, podLabels, podName, readPodSpec } from '@/domain/pod/manifest'
import { podView, type PodView } from '@/domain/pod/view'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { insertPodReferences } from '@/server/store/pod-references'
import { findPod, insertPod, loadPods } from '@/server/store/pods'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { generatedName } from '../generated-name'
import { once } from '../idempotency'
import { holdNetworkOfNamespace } from '../namespaces/network-of-namespace'
import { placeInNetwork } from './place-in-network'
import { toPodView } from './pod-view'
import { admitStorageWay } from './storage-way'

export const createPodInput = z
  .object({
    namespace: dnsLabel.default('default'),
    name: podName.optional(),
    generateName: generateName.optional(),
    labels: podLabels,
    annotations: podAnnotations,
    /** A PodSpec as Kubernetes writes it. */
    spec: z.unknown(),
    requestId: z.string().min(1).max(128).optional(),
  })
  .refine((i) => i.name !== undefined || i.generateName !== undefined, { path: ['name'], message: 'is required (or generateName)' })

/** Creates a pod at generation 1. It calls no driver: the scheduler and the host do the rest. */
export async function createPod(ctx: ServerContext, scope: Scope, input: z.output<typeof createPodInput>): Promise<PodView> {
  const { problems, collect } = problemCollector()
  const spec = readPodSpec(input.spec, ['spec'], collect)
  if (!spec || problems.length > 0) throw invalidInput(problems)
  const { namespace, labels, annotations, requestId } = input
  const manifest: PodManifest = { kind: 'Pod', metadata: { namespace, labels, annotations, name: input.name ?? '', generateName: input.name ? null : (input.generateName ?? null) }, spec }
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'pod.create', input, output: podView }, () => insertPodManifest(tx, ctx, scope, manifest)), { repeatable: true })
}

/** The use case that `pod.create` and `manifest.apply` share. Throws what is wrong with the pod's references. */
export async function insertPodManifest(tx: Transaction, ctx: Pick<ServerContext, 'config'>, scope: Scope, { metadata, spec }: PodManifest): Promise<PodView> {
  const network = await holdNetworkOfNamespace(tx, scope, metadata.namespace, 'pod')
  const name = metadata.generateName ? generatedName(metadata.generateName) : metadata.name
  const taken = await findPod(tx, scope, metadata.namespace, name)
  if (taken) throw new DomainError('already_exists', taken.deletedAt ? `Pod "${name}" is still being deleted: wait until it is gone, or choose another name.` : `A pod "${name}" exists in namespace "${metadata.namespace}": choose another name.`, { problems: [{ path: 'name', line: null, message: 'is taken' }] })
  await admitStorageWay(tx, ctx, scope, metadata)
  const row = await insertPod(tx, scope, { namespace: metadata.namespace, name, labels: metadata.labels, annotations: metadata.annotations, spec, networkId: network.uid })
  await placeInNetwork(tx, network, { uid: row.uid, spec })
  await insertPodReferences(tx, scope, row, podReferences(spec))
  await recordAudit(tx, scope, { action: 'pod.create', kind: 'Pod', namespace: metadata.namespace, name })
  const [record] = await loadPods(tx, scope, [row.uid])
  if (!record) throw new DomainError('internal', 'Something went wrong.', { internal: 'a pod that was just inserted is not there' })
  return toPodView(record)
}
