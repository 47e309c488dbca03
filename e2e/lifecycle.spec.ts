import { sampleImage } from '@/domain/image/sample'
import { createPod, runIn, waitForPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
const waits = 'trap "exit 0" TERM; while :; do sleep 0.2; done'
const spec = {
  terminationGracePeriodSeconds: 2,
  volumes: [{ name: 'shared', emptyDir: {} }],
  initContainers: [
    { name: 'prepares', image: sampleImage, command: ['sh', '-c', 'echo prepared > /shared/page; echo is prepared'], volumeMounts },
    { name: 'helps', image: sampleImage, restartPolicy: 'Always' as const, command: ['sh', '-c', `echo helps; ${waits}`], volumeMounts },
  ],
  containers: [
    {
      name: 'works',
      image: sampleImage,
      command: ['sh', '-c', `echo found: $(cat /shared/page); touch /tmp/well; ${waits}`],
      volumeMounts,
      startupProbe: { exec: { command: ['test', '-e', '/tmp/well'] }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 60 },
      livenessProbe: { exec: { command: ['cat', '/tmp/well'] }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 2 },
    },
  ],
}

test('a pod starts its init container and its sidecar first; a failing liveness probe starts its container anew, and its pages say so', async ({ console: page, tenant }) => {
  const reference = { namespace: 'default', name: 'web' }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, ...reference, spec })
  await waitForPod(tenant, reference, ({ status }) => status.containers.some((each) => each.name === 'works' && each.ready))
  await page.goto(`/t/${tenant.slug}/pods/default/web`)
  const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) })

  await test.step('who did what', async () => {
    for (const [name, role, state] of [['prepares', 'Init', 'Done'], ['helps', 'Sidecar', 'Ready'], ['works', 'Container', 'Ready']] as const) {
      await expect(row(name)).toContainText(role)
      await expect(row(name)).toContainText(state)
    }
    await page.goto(`/t/${tenant.slug}/pods/default/web/logs?container=works`)
    await expect(page.getByRole('log')).toContainText('found: prepared')
  })

  await test.step('the probe fails', async () => {
    expect(await runIn(tenant, reference, 'rm', '/tmp/well')).toMatchObject({ exitCode: 0 })
    const again = await waitForPod(tenant, reference, ({ status }) => status.containers.some((each) => each.name === 'works' && each.restartCount === 1 && each.ready))
    expect(again.status.containers.filter((each) => each.restartCount > 0)).toHaveLength(1)
    await page.goto(`/t/${tenant.slug}/pods/default/web`)
    const crash = page.getByRole('region', { name: 'How container works ended' })
    await expect(crash).toContainText('ended and was started again')
    await expect(crash).toContainText('liveness')
    await expect(crash.getByLabel('Last lines of works')).toContainText('found: prepared')
    await expect(crash).toContainText('Check what the probe asks')
  })

  await test.step('its events say it with the program’s words, and what to do', async () => {
    await page.getByRole('link', { name: 'Events', exact: true }).click()
    const event = page.getByRole('listitem').filter({ hasText: 'Liveness probe of container "works" failed' }).first()
    await expect(event).toContainText("can't open '/tmp/well'")
    await expect(event.getByRole('link', { name: 'Read logs' })).toBeVisible()
    await expect(page.getByText('Container "works" failed its liveness probe and is stopped.')).toBeVisible()
  })
})

test('a container that takes more memory than its limit, and one whose program is missing: the page names the cause', async ({ console: page, tenant }) => {
  const limited = { terminationGracePeriodSeconds: 1, restartPolicy: 'Never' as const, containers: [{ name: 'main', image: sampleImage, command: ['sh', '-c', 'echo takes all there is; exec tail /dev/zero'], resources: { limits: { memory: '24Mi' } } }] }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'hungry', spec: limited })
  await createPod(tenant, { name: 'lost', restartPolicy: 'Never', container: { command: ['no-such-program'] } })
  const neighbour = await createPod(tenant, { name: 'neighbour' })

  await test.step('out of memory', async () => {
    const hungry = await waitForPod(tenant, { namespace: 'default', name: 'hungry' }, ({ status }) => status.phase === 'Failed')
    expect(hungry.status.containers).toMatchObject([{ state: 'Terminated', reason: 'OOMKilled', exitCode: 137 }])
    await page.goto(`/t/${tenant.slug}/pods/default/hungry`)
    const crash = page.getByRole('region', { name: 'How container main ended' })
    await expect(crash).toContainText('ran out of memory')
    await expect(crash).toContainText('more memory than its limit of 24Mi')
    await expect(crash.getByLabel('Last lines of main')).toContainText('takes all there is')
    await expect(crash.getByRole('link', { name: 'Edit and re-create' })).toBeVisible()
  })

  await test.step('no such program', async () => {
    await waitForPod(tenant, { namespace: 'default', name: 'lost' }, ({ status }) => status.phase === 'Failed')
    await page.goto(`/t/${tenant.slug}/pods/default/lost`)
    const crash = page.getByRole('region', { name: 'How container main ended' })
    await expect(crash).toContainText('Its program does not exist in the image')
    await expect(crash).toContainText('no-such-program')
    await expect(crash).toContainText('Look at the container’s command')
  })

  await waitUntilRunning(tenant, neighbour)
})
