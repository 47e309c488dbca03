import { createPod, deleteAllPods, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import { takeTraces, takeTracesAtRest } from './fixtures/traces'

const COUNT = 20

test(`${COUNT} pods that were deleted leave no process, tap, namespace, file or row behind`, async ({ tenant }) => {
  test.setTimeout(600_000)
  const before = await takeTracesAtRest()
  const pods = await Promise.all(Array.from({ length: COUNT }, (_, i) => createPod(tenant, { name: `pod-${i}` })))
  // The first half is deleted while it runs, the second wherever its start has come to.
  for (const pod of pods.slice(0, COUNT / 2)) await waitUntilRunning(tenant, pod)
  const during = await takeTraces()
  expect(during.processes).toBeGreaterThanOrEqual(before.processes + COUNT / 2)
  expect(during.rows['NetworkAddress']).toBe((before.rows['NetworkAddress'] ?? 0) + COUNT)

  await deleteAllPods(tenant)
  await expect.poll(takeTraces, { timeout: 120_000 }).toEqual(before)
})
