import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import type { Tenant } from './fixtures/accounts'
import { runIn, waitUntilRunning } from './fixtures/pods'
import { goByKeys, untilKeysAnswer } from './fixtures/keys'
import { expect, test } from './fixtures/test'

/** A pod of the sample with the label that services select by; it is ready once `/tmp/ready` is there. */
const createWeb = ({ api, slug }: Tenant, name: string, ready: boolean) =>
  api.pod.create.mutate({
    tenant: slug, name, labels: { app: 'web' },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: sampleImage, command: ['sh', '-c', `${ready ? 'touch /tmp/ready; ' : ''}sleep 3600`], readinessProbe: { exec: { command: ['ls', '/tmp/ready'] }, periodSeconds: 1, timeoutSeconds: 10 } }] },
  })

const row = (page: Page, name: string) => page.getByRole('table', { name: 'Endpoints' }).getByRole('row', { name })

test('a service is created by form, its endpoints follow its pods, and it is deleted', async ({ console: page, tenant }) => {
  const at = (path: string) => new RegExp(`/t/${tenant.slug}${path}$`)
  await createWeb(tenant, 'web-1', false)
  await page.goto(`/t/${tenant.slug}/pods`)
  // By then the page listens to keys.
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await goByKeys(page, 'gs', at('/services'))
  await expect(page.getByText('No services yet')).toBeVisible()

  await test.step('by form, with what is wrong at its field', async () => {
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const form = page.getByRole('dialog', { name: 'Create service' })
    await form.getByRole('textbox', { name: 'Name', exact: true }).fill('web')
    await form.getByLabel('Selector').fill('app=web')
    await expect(form.getByRole('status')).toHaveText('Selects 1 pod of default: web-1')
    await form.getByLabel('Port', { exact: true }).fill('70000')
    await form.getByRole('button', { name: 'Create service' }).click()
    await expect(form.getByLabel('Port', { exact: true })).toHaveAttribute('aria-invalid', 'true')
    await expect(form.getByLabel('Port', { exact: true })).toBeFocused()
    await form.getByLabel('Port', { exact: true }).fill('80')
    await form.getByRole('button', { name: 'Create service' }).click()
    await expect(page.getByRole('heading', { name: 'web', level: 1 })).toBeVisible()
  })

  await test.step('it says how to reach it', async () => {
    const reach = page.locator('section').filter({ hasText: 'How to reach it from a pod' })
    await expect(reach.getByText('web:80', { exact: true })).toBeVisible()
    await expect(reach.getByText('web.default.svc.cluster.local', { exact: true })).toBeVisible()
    await expect(reach.getByRole('button', { name: 'Copy web.default.svc.cluster.local' })).toBeVisible()
    const { status } = await tenant.api.service.get.query({ tenant: tenant.slug, name: 'web' })
    await expect(page.getByText(status.addresses[0] ?? '', { exact: true })).toBeVisible()
  })

  await test.step('endpoints are there as their pods get ready, without a reload', async () => {
    await expect(row(page, 'web-1')).toContainText('Not ready', { timeout: 120_000 })
    const pod = await waitUntilRunning(tenant, { namespace: 'default', name: 'web-1' })
    await expect(row(page, 'web-1')).toContainText('Not ready')
    await runIn(tenant, pod.metadata, 'touch', '/tmp/ready')
    await expect(row(page, 'web-1').getByText('Ready', { exact: true })).toBeVisible()
    await expect(page.getByText('1 of 1 ready')).toBeVisible()
    await expect(row(page, 'web-1')).toContainText('8080/TCP')
    await tenant.api.pod.delete.mutate({ tenant: tenant.slug, namespace: 'default', name: 'web-1', graceSeconds: 1 })
    await expect(row(page, 'web-1')).toHaveCount(0)
    await expect(page.getByText('No pod of namespace default has the labels')).toBeVisible()
  })

  await test.step('it is changed beside its page', async () => {
    await page.getByRole('link', { name: 'Edit service' }).click()
    const form = page.getByRole('dialog', { name: 'Edit web' })
    await form.getByLabel('Port', { exact: true }).fill('81')
    await form.getByText('More', { exact: true }).click()
    await form.getByLabel('Same pod for a client').check()
    await form.getByRole('button', { name: 'Save service' }).click()
    await expect(form).toHaveCount(0)
    await expect(page.getByText('81 → 8080/TCP')).toBeVisible()
    expect((await tenant.api.service.get.query({ tenant: tenant.slug, name: 'web' })).spec).toMatchObject({ sessionAffinity: 'ClientIP', ports: [{ port: 81, targetPort: 8080 }] })
  })

  await test.step('it is deleted, after what follows from it is said', async () => {
    await page.getByRole('button', { name: 'More actions for web' }).click()
    await page.getByRole('menuitem', { name: 'Delete service' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('web.default.svc.cluster.local is not resolved any more')
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await dialog.getByRole('button', { name: 'Delete service' }).click()
    await expect(page).toHaveURL(at('/services'))
    await expect(page.getByText('No services yet')).toBeVisible()
  })
})

test('services are created and changed as YAML, filtered and found', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/services`)
  await page.getByRole('link', { name: 'Start from YAML' }).click()
  const editor = page.getByRole('textbox', { name: 'Manifest' })
  await expect(editor).toContainText('kind: Service')
  await editor.press('ControlOrMeta+End')
  await page.keyboard.insertText('    - port: 90000\n')
  await expect(page.getByText('must be 1 to 65535').first()).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Apply Service' })).toHaveAttribute('aria-disabled', 'true')
  await editor.click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  // Pasted, for the editor indents what is typed.
  await page.keyboard.insertText('apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {clusterIP: None, selector: {app: db}}\n')
  await page.getByRole('button', { name: 'Apply Service' }).click()
  await expect(page.getByRole('heading', { name: 'db', level: 1 })).toBeVisible()
  await expect(page.getByText('Headless', { exact: true }).first()).toBeVisible()

  await page.getByRole('link', { name: 'YAML' }).click()
  await expect(page.getByRole('textbox', { name: 'YAML of service db' })).toContainText('clusterIP: None')
  await page.getByRole('link', { name: 'Edit', exact: true }).click()
  await expect(page.getByRole('textbox', { name: 'Manifest' })).toContainText('name: db')

  await tenant.api.service.create.mutate({ tenant: tenant.slug, name: 'web', labels: { tier: 'front' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } })
  await page.goto(`/t/${tenant.slug}/services`)
  await expect(page.getByRole('row', { name: /^db/ })).toContainText('Headless')
  // By then the page listens to keys.
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.type('we')
  await expect(page.getByRole('row', { name: /^db/ })).toHaveCount(0)
  await expect(page.getByRole('row', { name: /^web/ })).toContainText('ClusterIP')
  await page.goto(`/t/${tenant.slug}/services?labels=tier%3Dback`)
  await expect(page.getByText('No results for these filters')).toBeVisible()
})
