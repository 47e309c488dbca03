import { setTimeout as delay } from 'node:timers/promises'
import type { Tenant } from '../fixtures/accounts'
import { codeOf, persist, type Retries } from './client'

const GONE_MS = 180_000

/** Deletes every pod of the tenant and waits until none is left. */
export async function deleteAllPods(tenant: Tenant, retries: Retries): Promise<void> {
  const end = Date.now() + GONE_MS
  for (;;) {
    const { items } = await persist('list pods', retries, () => tenant.api.pod.list.query({ tenant: tenant.slug, limit: 500 }))
    if (items.length === 0) return
    if (Date.now() > end) throw new Error(`pods that were deleted are still there after ${GONE_MS / 1000} s: ${items.map((pod) => `${pod.metadata.name} ${pod.status.phase}`).join(', ')}`)
    for (const { metadata } of items.filter((pod) => !pod.metadata.deletionTimestamp)) {
      await persist(`delete ${metadata.name}`, retries, async () => {
        try {
          await tenant.api.pod.delete.mutate({ tenant: tenant.slug, namespace: metadata.namespace, name: metadata.name, graceSeconds: 1 })
        } catch (error) {
          if (codeOf(error) !== 'NOT_FOUND') throw error
        }
      })
    }
    await delay(250)
  }
}
