import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { podView, type PodView } from '@/domain/pod/view'
import type { Installation } from './installation'

const spec = { containers: [{ name: 'main', image: sampleImage }], terminationGracePeriodSeconds: 1 }
/** Starts are told with their times, so that whoever measures many need not ask often and take part in the load. */
const patientMs = 1000
const page = z.object({ items: z.array(podView), total: z.number() })

/** Creates a pod of the sample image and waits until its first process has run; gives the pod as it was then. */
export async function startPod(at: Installation, name: string, podSpec: object = spec): Promise<PodView> {
  await at.call('pod.create', { tenant: at.tenant, name, spec: podSpec }, podView)
  return waitFor(`pod ${name} to run`, async () => started(await at.call('pod.get', { tenant: at.tenant, name }, podView)), 250)
}

/** Applies `count` pods of the sample image in one manifest and waits until all run; gives them as they were then. */
export async function startPods(at: Installation, prefix: string, count: number): Promise<PodView[]> {
  const documents = Array.from({ length: count }, (_, i) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `${prefix}-${i}`, labels: { batch: prefix } }, spec }))
  await at.call('manifest.apply', { tenant: at.tenant, yaml: documents.join('\n---\n') }, z.unknown())
  return waitFor(`${count} pods to run`, async () => {
    const { items } = await at.call('pod.list', { tenant: at.tenant, labelSelector: `batch=${prefix}`, limit: 200 }, page)
    const running = items.flatMap((pod) => started(pod) ?? [])
    return running.length === count ? running : null
  }, patientMs)
}

function started(pod: PodView): PodView | null {
  if (pod.status.phase === 'Failed' || pod.status.phase === 'Unschedulable') throw new Error(`pod ${pod.metadata.name}: ${pod.status.message}`)
  return pod.status.phase === 'Running' && pod.status.startedAt ? pod : null
}

/** Deletes pods and waits until nothing of them is listed. */
export async function deletePods(at: Installation, names: string[]): Promise<void> {
  for (const name of names) await at.call('pod.delete', { tenant: at.tenant, name, graceSeconds: 1 }, z.unknown())
  const gone = new Set(names)
  await waitFor('pods to be gone', async () => ((await at.call('pod.list', { tenant: at.tenant, limit: 200 }, page)).items.some((pod) => gone.has(pod.metadata.name)) ? null : true))
}

/** Accepted by the API → the first container's process runs, in ms by one machine's clock. */
export const startMs = (pod: PodView): number => Date.parse(pod.status.startedAt ?? '') - Date.parse(pod.metadata.creationTimestamp)

/** From the first pod's acceptance to the last pod's first process, in ms. */
export const togetherMs = (pods: readonly PodView[]): number =>
  Math.max(...pods.map((pod) => Date.parse(pod.status.startedAt ?? ''))) - Math.min(...pods.map((pod) => Date.parse(pod.metadata.creationTimestamp)))

/** Asks every `intervalMs` until there is an answer. Throws after 10 minutes. */
export async function waitFor<T>(what: string, probe: () => Promise<T | null>, intervalMs = 100): Promise<T> {
  const end = Date.now() + 600_000
  for (;;) {
    const found = await probe()
    if (found !== null) return found
    if (Date.now() > end) throw new Error(`waited 10 minutes for ${what}`)
    await delay(intervalMs)
  }
}
