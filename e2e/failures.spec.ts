import { sampleImage } from '@/domain/image/sample'
import type { Condition } from '@/domain/shared/condition'
import { createPod, waitForPod } from './fixtures/pods'
import { PRIVATE } from './fixtures/registry'
import { expect, test } from './fixtures/test'

/** The image cannot be had, and the host has said why. */
const isRefusal = (each: Condition) => each.type === 'ImagesReady' && each.status === 'False' && each.reason.startsWith('Image')

test('an image that cannot be had: its pod says why and what to do', async ({ console: page, tenant, registry }) => {
  await registry.pushBusybox('team/there:1')
  const cases = [
    { name: 'unknown', image: `${registry.host}/team/not-there:1`, cause: 'does not have', action: 'Check the name and the tag' },
    { name: 'no-tag', image: `${registry.host}/team/there:2`, cause: 'does not have', action: 'Check the name and the tag' },
    { name: 'refused', image: `${registry.host}/${PRIVATE}/app:1`, cause: 'refuses', action: 'For a private image name a Secret' },
    { name: 'forbidden', image: '127.0.0.1:9/app:1', cause: 'stands on the host itself', action: 'Name a registry elsewhere' },
    { name: 'unresolved', image: 'registry.invalid/app:1', cause: 'does not resolve', action: 'Check the name of the registry' },
  ]
  for (const { name, image } of cases) await createPod(tenant, { name, container: { image } })
  for (const { name, cause, action } of cases) {
    await test.step(name, async () => {
      const pod = await waitForPod(tenant, { namespace: 'default', name }, (each) => each.status.conditions.some(isRefusal))
      const message = pod.status.conditions.find(isRefusal)?.message ?? ''
      for (const part of [cause, action]) expect(message).toMatch(part)
      await page.goto(`/t/${tenant.slug}/pods/default/${name}`)
      await expect(page.getByRole('row', { name: /^ImagesReady/ })).toContainText(cause)
    })
  }
})

test('a container that exits at once: its pod says so, with its exit code and its last words', async ({ console: page, tenant }) => {
  await createPod(tenant, { name: 'loop', container: { command: ['sh', '-c', 'echo no configuration >&2; exit 3'] } })
  await createPod(tenant, { name: 'once', restartPolicy: 'Never', container: { command: ['sh', '-c', 'exit 4'] } })
  await createPod(tenant, { name: 'no-program', restartPolicy: 'Never', container: { command: ['no-such-program'] } })

  const loop = await waitForPod(tenant, { namespace: 'default', name: 'loop' }, (pod) => pod.status.containers.some((each) => each.reason === 'CrashLoopBackOff'))
  expect(loop.status.containers[0]?.restartCount).toBeGreaterThan(0)
  await page.goto(`/t/${tenant.slug}/pods/default/loop`)
  await expect(page.getByText('CrashLoopBackOff').first()).toBeVisible()
  await expect(page.getByRole('row', { name: /^main/ })).toContainText(/exit code 3/i)
  await expect(page.getByRole('row', { name: /^ContainersReady/ })).toContainText('False')
  await page.getByRole('link', { name: 'Logs', exact: true }).click()
  await expect(page.getByRole('log')).toContainText('no configuration')

  const once = await waitForPod(tenant, { namespace: 'default', name: 'once' }, (pod) => pod.status.phase === 'Failed')
  expect(once.status.containers).toMatchObject([{ state: 'Terminated', exitCode: 4, restartCount: 0 }])
  const absent = await waitForPod(tenant, { namespace: 'default', name: 'no-program' }, (pod) => pod.status.phase === 'Failed')
  await page.goto(`/t/${tenant.slug}/pods/default/no-program`)
  await expect(page.getByText(/no-such-program/).first()).toBeVisible()
  expect(absent.status.containers[0]?.message).toMatch(/no-such-program/)
})

test('a pod that fits no host says how many hosts which filter refused', async ({ console: page, tenant }) => {
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'huge', spec: { containers: [{ name: 'main', image: sampleImage, resources: { limits: { memory: '1Ti' } } }] } })
  await waitForPod(tenant, { namespace: 'default', name: 'huge' }, (pod) => pod.status.phase === 'Unschedulable')
  await page.goto(`/t/${tenant.slug}/pods/default/huge`)
  await expect(page.getByRole('row', { name: /^PodScheduled/ })).toContainText(/1 host.*memory|memory.*1 host/i)
})
