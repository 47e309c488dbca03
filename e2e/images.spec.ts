import { busyboxArchive } from '@/host/images/testing/archive'
import { createPod, deleteAllPods, waitForPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

test('an archive is uploaded in the console, runs in a pod of its tenant alone, and is deleted once no pod uses it', async ({ console: page, tenant, makeTenant }) => {
  const archive = await busyboxArchive('hello:1', ['sh', '-c', 'trap "exit 0" TERM; echo words of the upload; sleep 3600 & wait'])
  const images = `/t/${tenant.slug}/images`
  const row = page.getByRole('row', { name: /hello:1/ })

  await test.step('upload', async () => {
    await page.goto(images)
    await page.getByRole('main').getByRole('link', { name: 'Upload image' }).first().click()
    const form = page.getByRole('dialog', { name: 'Upload image' })
    await form.getByLabel('Archive').setInputFiles({ name: 'hello.tar', mimeType: 'application/x-tar', buffer: Buffer.from('this is no archive at all') })
    await expect(form.getByLabel('Image')).toHaveValue('hello:latest')
    await form.getByLabel('Image').fill('hello:1')
    await form.getByRole('button', { name: 'Upload image' }).click()
    await expect(form.getByRole('alert')).toContainText('is no tar archive')
    await form.getByLabel('Archive').setInputFiles({ name: 'hello.tar', mimeType: 'application/x-tar', buffer: archive })
    await form.getByRole('button', { name: 'Upload image' }).click()
    await expect(row).toContainText('Upload')
    await expect(row).toContainText('Kept by the server')
  })

  await test.step('run', async () => {
    const pod = await createPod(tenant, { name: 'greeter', container: { image: 'hello:1' } })
    await waitUntilRunning(tenant, pod)
    await page.goto(`/t/${tenant.slug}/pods/default/greeter/logs`)
    await expect(page.getByRole('log')).toContainText('words of the upload')
    await page.goto(images)
    await expect(row).toContainText('On 1 host')
    await expect(row).toContainText('greeter')
    await row.getByRole('button', { name: /Actions/ }).click()
    await expect(page.getByRole('menuitem', { name: 'Delete upload' })).toHaveAttribute('aria-disabled', 'true')
    await page.keyboard.press('Escape')
  })

  await test.step('another tenant does not have it, though the host does', async () => {
    const other = await makeTenant()
    await other.api.pod.create.mutate({ tenant: other.slug, name: 'thief', spec: { containers: [{ name: 'main', image: 'hello:1', imagePullPolicy: 'Never' }] } })
    const refused = await waitForPod(other, { namespace: 'default', name: 'thief' }, ({ status }) => status.conditions.some(({ reason }) => reason === 'ErrImageNeverPull'))
    expect(refused.status.containers[0]?.reason).toBe('ErrImageNeverPull')
    expect((await other.api.image.list.query({ tenant: other.slug })).items).toMatchObject([{ reference: 'hello:1', digest: null, upload: null }])
  })

  await test.step('delete', async () => {
    await deleteAllPods(tenant)
    await page.goto(images)
    await row.getByRole('button', { name: /Actions/ }).click()
    await page.getByRole('menuitem', { name: 'Delete upload' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete upload' }).click()
    await expect(page.getByText('No images yet')).toBeVisible()
  })
})

test('an image is pulled ahead of pods, as asked for in the console', async ({ console: page, tenant, registry }) => {
  const name = `ahead/app:${Date.now()}`
  await registry.pushBusybox(name)
  await page.goto(`/t/${tenant.slug}/images-pre-pull`)
  const form = page.getByRole('dialog', { name: 'Pre-pull image' })
  await form.getByLabel('Image').fill(`${registry.host}/${name}`)
  await form.getByRole('button', { name: 'Pre-pull image' }).click()
  const row = page.getByRole('row', { name: new RegExp(name) })
  await expect(row).toContainText('Pre-pull')
  await expect(row).toContainText('On 1 host', { timeout: 120_000 })
})
