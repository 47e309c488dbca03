import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { runIn, waitForPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

const spec = {
  terminationGracePeriodSeconds: 1,
  containers: [{
    name: 'main',
    image: sampleImage,
    env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } }],
    envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'S_' }],
    volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }, { name: 'login', mountPath: '/etc/login' }],
  }],
  volumes: [{ name: 'settings', configMap: { name: 'settings' } }, { name: 'login', secret: { secretName: 'login', defaultMode: 0o444 } }],
}

async function createConfigMap(page: Page, slug: string): Promise<void> {
  await page.goto(`/t/${slug}/config-maps`)
  await page.getByRole('link', { name: 'Create ConfigMap' }).first().click()
  const form = page.getByRole('dialog', { name: 'Create ConfigMap' })
  await form.getByLabel('Name', { exact: true }).fill('settings')
  const row = (n: number) => form.getByRole('group', { name: `Row ${n}` })
  await row(1).getByLabel('Key', { exact: true }).fill('bad key')
  await row(1).getByLabel('Value', { exact: true }).fill('blue')
  await form.getByRole('button', { name: 'Create ConfigMap' }).click()
  await expect(row(1).getByLabel('Key', { exact: true })).toHaveAttribute('aria-invalid', 'true')
  await row(1).getByLabel('Key', { exact: true }).fill('COLOUR')
  await form.getByLabel('Files', { exact: true }).setInputFiles([{ name: 'app.conf', mimeType: 'text/plain', buffer: Buffer.from('mode=one\n') }, { name: 'logo.bin', mimeType: 'application/octet-stream', buffer: Buffer.from([255, 0, 1]) }])
  await expect(row(2).getByLabel('Value', { exact: true })).toHaveValue('mode=one\n')
  await expect(row(3)).toContainText('3 B that are no text')
  await form.getByRole('button', { name: 'Create ConfigMap' }).click()
  await expect(page.getByRole('heading', { name: 'settings', level: 1 })).toBeVisible()
  await expect(page.getByLabel('Value of app.conf', { exact: true })).toContainText('mode=one')
}

async function createSecret(page: Page, slug: string): Promise<void> {
  await page.goto(`/t/${slug}/secrets-new`)
  const form = page.getByRole('dialog', { name: 'Create Secret' })
  await form.getByLabel('Name', { exact: true }).fill('login')
  await form.getByLabel('Type').selectOption('User and password')
  const row = (n: number) => form.getByRole('group', { name: `Row ${n}` })
  await expect(row(1).getByLabel('Key', { exact: true })).toHaveValue('username')
  await row(1).getByLabel('Value', { exact: true }).fill('ada')
  await row(2).getByLabel('Value', { exact: true }).fill('s3cret value')
  await form.getByRole('button', { name: 'Create Secret' }).click()
  await expect(page.getByRole('heading', { name: 'login', level: 1 })).toBeVisible()
}

test('a pod waits for the ConfigMap and the Secret that it names, gets them as variables and files, and sees a change', async ({ console: page, tenant }) => {
  const reference = { namespace: 'default', name: 'web' }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, ...reference, spec })
  await test.step('it says what is missing', async () => {
    await waitForPod(tenant, reference, ({ status }) => status.conditions.some((c) => c.reason === 'ConfigurationMissing' && c.message.includes('ConfigMap "settings" does not exist in namespace "default"')))
    await page.goto(`/t/${tenant.slug}/pods/default/web`)
    await expect(page.getByText('ConfigurationMissing').first()).toBeVisible()
  })

  await createConfigMap(page, tenant.slug)
  await createSecret(page, tenant.slug)

  await test.step('it starts by itself, with both', async () => {
    await waitUntilRunning(tenant, reference)
    const read = await runIn(tenant, reference, 'sh', '-c', 'echo "$S_COLOUR/$PASSWORD"; cat /etc/settings/app.conf /etc/login/password; wc -c < /etc/settings/logo.bin')
    expect(read).toMatchObject({ exitCode: 0, stdout: 'blue/s3cret value\nmode=one\ns3cret value3\n' })
  })

  await test.step('a changed ConfigMap changes its file in the running pod', async () => {
    await page.goto(`/t/${tenant.slug}/config-maps/default/settings`)
    await page.getByRole('link', { name: 'Edit ConfigMap' }).click()
    const form = page.getByRole('dialog', { name: 'Edit settings' })
    await form.getByRole('group', { name: /^Row/ }).filter({ has: page.locator('input[value="app.conf"]') }).getByLabel('Value', { exact: true }).fill('mode=two\n')
    await form.getByRole('button', { name: 'Save ConfigMap' }).click()
    await expect(page.getByLabel('Value of app.conf', { exact: true })).toContainText('mode=two')
    await expect.poll(async () => (await runIn(tenant, reference, 'cat', '/etc/settings/app.conf')).stdout, { timeout: 60_000 }).toBe('mode=two\n')
  })

  await test.step('the Secret’s values are shown on demand, which the audit names', async () => {
    await page.goto(`/t/${tenant.slug}/secrets/default/login`)
    await expect(page.getByRole('heading', { name: 'login', level: 1 })).toBeVisible()
    await expect(page.getByText('s3cret value')).toHaveCount(0)
    await page.getByRole('button', { name: 'Reveal values' }).click()
    await expect(page.getByLabel('Value of password', { exact: true })).toHaveText('s3cret value')
    await page.getByRole('button', { name: 'Hide values' }).click()
    await expect(page.getByText('s3cret value')).toHaveCount(0)
    const { items } = await tenant.api.audit.list.query({ tenant: tenant.slug })
    expect(items[0]).toMatchObject({ action: 'secret.reveal', kind: 'Secret', name: 'login', actor: tenant.person.email })
  })

  await test.step('one key changes, the other stays unseen', async () => {
    await page.getByRole('link', { name: 'Edit Secret' }).click()
    const form = page.getByRole('dialog', { name: 'Edit login' })
    const row = form.getByRole('group', { name: /^Row/ }).filter({ has: page.locator('input[value="password"]') })
    await row.getByRole('button', { name: 'Write a new value' }).click()
    await row.getByLabel('Value', { exact: true }).fill('another')
    await form.getByRole('button', { name: 'Save Secret' }).click()
    await expect(form).toHaveCount(0)
    await expect.poll(async () => (await runIn(tenant, reference, 'sh', '-c', 'cat /etc/login/username /etc/login/password')).stdout, { timeout: 60_000 }).toBe('adaanother')
  })

  await test.step('deleting names the pod that uses it', async () => {
    await page.getByRole('button', { name: 'Delete Secret' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('1 pod names it: web.')
    await dialog.getByRole('button', { name: 'Delete Secret' }).click()
    await expect(page.getByRole('heading', { name: 'Secrets', level: 1 })).toBeVisible()
    await expect(page.getByText('No Secrets yet')).toBeVisible()
  })
})

test('a registry login has a form of its own; lists filter and sort on the server', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/secrets-new?type=kubernetes.io/dockerconfigjson`)
  const form = page.getByRole('dialog', { name: 'Create Secret' })
  await form.getByLabel('Name', { exact: true }).fill('registry')
  await form.getByLabel('Registry').fill('registry.example:5000')
  await form.getByLabel('User').fill('ada')
  await form.getByRole('button', { name: 'Create Secret' }).click()
  await expect(form.getByLabel('Password or token')).toHaveAttribute('aria-invalid', 'true')
  await form.getByLabel('Password or token').fill('s3cret')
  await form.getByRole('button', { name: 'Create Secret' }).click()
  await expect(page.getByRole('heading', { name: 'registry', level: 1 })).toBeVisible()
  const { data } = await tenant.api.secret.reveal.mutate({ tenant: tenant.slug, name: 'registry' })
  expect(JSON.parse(Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString())).toEqual({ auths: { 'registry.example:5000': { username: 'ada', password: 's3cret', auth: Buffer.from('ada:s3cret').toString('base64') } } })

  for (const name of ['one', 'two']) await tenant.api.secret.create.mutate({ tenant: tenant.slug, name, stringData: { [`key-of-${name}`]: 'x'.repeat(name === 'one' ? 2000 : 1) } })
  await page.goto(`/t/${tenant.slug}/secrets`)
  const names = () => page.getByRole('table', { name: 'Secrets' }).getByRole('rowheader').allInnerTexts()
  await expect.poll(names).toEqual(['one', 'registry', 'two'])
  await page.getByLabel('Filter by name or key').fill('key-of-two')
  await expect.poll(names).toEqual(['two'])
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByLabel('Type').selectOption('Registry login')
  await expect.poll(names).toEqual(['registry'])
  await page.goto(`/t/${tenant.slug}/secrets?sort=size&order=descending`)
  await expect.poll(names).toEqual(['one', 'registry', 'two'])
})
