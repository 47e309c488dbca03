import { sampleImage } from '@/domain/image/sample'
import type { PodView } from '@/domain/pod/view'
import type { Tenant } from '../fixtures/accounts'
import { persist } from './client'
import type { Stream } from './stream'

/** A pod that is there before the first fault. */
export async function startSteady(tenant: Tenant, stream: Stream, name: string): Promise<PodView> {
  const spec = { containers: [{ name: 'main', image: sampleImage }], terminationGracePeriodSeconds: 1 }
  await persist(`create ${name}`, stream.retries, () => tenant.api.pod.create.mutate({ tenant: tenant.slug, name, spec, requestId: name }))
  return stream.waitFor(name, (pod) => pod.status.phase === 'Running')
}

/** The same container as at first, and commands reach it. */
export async function expectUntouched(stream: Stream, pod: PodView): Promise<void> {
  const { name, uid } = pod.metadata
  const now = await stream.waitFor(name, (each) => each.status.phase === 'Running')
  const [was, is] = [pod.status.containers[0], now.status.containers[0]]
  if (now.metadata.uid !== uid || is?.restartCount !== 0 || is.startedAt !== was?.startedAt) throw new Error(`${name} did not go on: ${JSON.stringify(is)}`)
  await stream.meantMarks(name)
}
