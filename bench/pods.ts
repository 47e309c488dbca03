import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { podView, type PodView } from '@/domain/pod/view'
import type { Installation } from './installation'

const spec = { containers: [{ name: 'main', image: sampleImage }], terminationGracePeriodSeconds: 1 }

/** Creates a pod of the sample image and waits until its first process has run; gives the pod as it was then. */
export async function startPod(at: Installation, name: string): Promise<PodView> {
  await at.call('pod.create', { tenant: at.tenant, name, spec }, podView)
  return waitFor(`pod ${name} to run`, async () => {
    const pod = await at.call('pod.get', { tenant: at.tenant, name }, podView)
    if (pod.status.phase === 'Failed' || pod.status.phase === 'Unschedulable') throw new Error(`pod ${name}: ${pod.status.message}`)
    return pod.status.phase === 'Running' && pod.status.startedAt ? pod : null
  })
}

/** Deletes pods and waits until nothing of them is listed. */
export async function deletePods(at: Installation, names: string[]): Promise<void> {
  for (const name of names) await at.call('pod.delete', { tenant: at.tenant, name, graceSeconds: 1 }, z.unknown())
  await waitFor('pods to be gone', async () => ((await at.call('pod.list', { tenant: at.tenant }, z.object({ total: z.number() }))).total === 0 ? true : null))
}

/** Accepted by the API → the first container's process runs, in ms by one machine's clock. */
export const startMs = (pod: PodView): number => Date.parse(pod.status.startedAt ?? '') - Date.parse(pod.metadata.creationTimestamp)

async function waitFor<T>(what: string, probe: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + 120_000
  for (;;) {
    const found = await probe()
    if (found !== null) return found
    if (Date.now() > end) throw new Error(`waited 120 s for ${what}`)
    await delay(100)
  }
}
