import { waitForPod, waitUntilRunning } from './fixtures/pods'
import { PRIVATE, PRIVATE_LOGIN } from './fixtures/registry'
import { expect, test } from './fixtures/test'

const reference = { namespace: 'default', name: 'app' }

test('a private image is refused with what to do, and pulled by itself once its Secret is created in the console', async ({ console: page, tenant, makeTenant, registry }) => {
  await registry.pushBusybox(`${PRIVATE}/app:1`, { cmd: ['sh', '-c', 'trap "exit 0" TERM; echo private words; sleep 3600 & wait'] })
  const image = `${registry.host}/${PRIVATE}/app:1`
  const spec = { terminationGracePeriodSeconds: 1, imagePullSecrets: [{ name: 'login' }], containers: [{ name: 'main', image }] }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, ...reference, spec })

  await test.step('refused, with the way to mend it', async () => {
    await waitForPod(tenant, reference, ({ status }) => status.conditions.some((each) => each.type === 'ImagesReady' && each.reason === 'ImageRefused'))
    await page.goto(`/t/${tenant.slug}/pods/default/app`)
    await expect(page.getByRole('row', { name: /^ImagesReady/ })).toContainText('refuses')
    const main = page.getByRole('main')
    await expect(main.getByText('kubernetes.io/dockerconfigjson').first()).toBeVisible()
    await main.getByRole('link', { name: 'Secrets' }).first().click()
    await expect(page.getByRole('heading', { name: 'Secrets', level: 1 })).toBeVisible()
  })

  const createSecret = async (password: string) => {
    await page.goto(`/t/${tenant.slug}/secrets-new?type=kubernetes.io/dockerconfigjson`)
    const form = page.getByRole('dialog', { name: 'Create Secret' })
    await form.getByLabel('Name', { exact: true }).fill('login')
    await form.getByLabel('Registry').fill(registry.host)
    await form.getByLabel('User').fill(PRIVATE_LOGIN.username)
    await form.getByLabel('Password or token').fill(password)
    await form.getByRole('button', { name: 'Create Secret' }).click()
    await expect(page.getByRole('heading', { name: 'login', level: 1 })).toBeVisible()
  }

  await test.step('it starts by itself with the right login', async () => {
    await createSecret(PRIVATE_LOGIN.password)
    const running = await waitUntilRunning(tenant, reference)
    expect(running.status.containers[0]).toMatchObject({ restartCount: 0, state: 'Running' })
    await page.goto(`/t/${tenant.slug}/pods/default/app/logs`)
    await expect(page.getByRole('log')).toContainText('private words')
  })

  await test.step('another tenant cannot use it, though its host has it', async () => {
    const other = await makeTenant()
    await other.api.pod.create.mutate({ tenant: other.slug, ...reference, spec: { ...spec, imagePullSecrets: [] } })
    await waitForPod(other, reference, ({ status }) => status.conditions.some((each) => each.type === 'ImagesReady' && each.reason === 'ImageRefused'))
  })
})
