import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { signInByRequest } from './fixtures/accounts'
import { installation } from './fixtures/installation'
import { createPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

const wcag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

test.use({ contextOptions: { reducedMotion: 'reduce' } })

/** WCAG 2.2 AA by axe in both themes; the page stays where it is. */
async function audit(page: Page, what: string): Promise<void> {
  await test.step(what, async () => {
    for (const theme of ['dark', 'light']) {
      await page.evaluate((name) => { document.documentElement.dataset['theme'] = name }, theme)
      // Colours that still change would be measured half way.
      await page.evaluate(() => Promise.all(document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity).map((each) => each.finished.catch(() => {}))))
      const { violations } = await new AxeBuilder({ page }).withTags(wcag).analyze()
      const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html.slice(0, 200)}\n  ${node.failureSummary?.replace(/\s+/g, ' ').slice(0, 300) ?? ''}`).join('\n')}`)
      expect.soft(found, `${what}, ${theme}`).toEqual([])
    }
  })
}

/** Opens a page and waits until what it shows is there. */
async function auditPage(page: Page, path: string): Promise<void> {
  await page.goto(path)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0)
  await audit(page, path)
}

test('pages for everybody', async ({ page }) => {
  for (const path of ['/', '/sign-in', '/sign-up', '/forgot-password', '/reset-password?token=x', '/no-such-page']) await auditPage(page, path)
  await page.goto('/sign-up')
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.locator('[aria-invalid=true]').first()).toBeVisible()
  await audit(page, 'sign-up with errors')
})

test('pages of a tenant, empty', async ({ console: page, tenant }) => {
  for (const noun of ['pods', 'pods?q=nothing', 'pods/new', 'config-maps', 'secrets', 'networks', 'networks/default', 'namespaces', 'images', 'tokens', 'audit']) await auditPage(page, `/t/${tenant.slug}/${noun}`)
  for (const form of ['config-maps-new', 'secrets-new', 'secrets-new?type=kubernetes.io/dockerconfigjson', 'networks-new', 'namespaces-new', 'tokens-new']) {
    await page.goto(`/t/${tenant.slug}/${form}`)
    await expect(page.getByRole('dialog')).toBeVisible()
    await audit(page, form)
  }
  await page.goto(`/t/${tenant.slug}/pods/new?as=yaml`)
  await expect(page.getByRole('textbox', { name: 'Manifest' })).toBeVisible()
  await audit(page, 'pods/new as YAML')
  await auditPage(page, '/account')
})

test('a pod’s pages, dialogs and menus', async ({ console: page, tenant }) => {
  const [running, failing] = [await createPod(tenant, { name: 'web' }), await createPod(tenant, { name: 'broken', container: { image: '127.0.0.1:9/app:1' } })]
  await waitUntilRunning(tenant, running)
  const pod = `/t/${tenant.slug}/pods/default/${running.name}`
  for (const path of [`/t/${tenant.slug}/pods`, pod, `${pod}/logs`, `${pod}/events`, `${pod}/yaml`, `/t/${tenant.slug}/pods/default/${failing.name}`, `/t/${tenant.slug}/images`]) await auditPage(page, path)
  await page.goto(`${pod}/terminal`)
  await expect(page.getByText('Connected')).toBeVisible()
  await audit(page, 'terminal')
  // xterm paints in colours of its own, of which axe knows nothing.
  const [text, ground] = await page.evaluate(() => ['.xterm-rows', '.xterm-viewport'].map((each) => getComputedStyle(document.querySelector(each) ?? document.body)).map((style, i) => (i === 0 ? style.color : style.backgroundColor)))
  expect(text).not.toBe(ground)

  await page.getByRole('button', { name: 'Delete pod' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'delete dialog')
  await page.getByRole('button', { name: 'Cancel' }).click()

  await page.goto(`/t/${tenant.slug}/pods`)
  await page.getByRole('button', { name: 'Actions for web' }).click()
  await expect(page.getByRole('menu')).toBeVisible()
  await audit(page, 'menu of a row')
  await page.keyboard.press('Escape')
  await page.keyboard.press('ControlOrMeta+k')
  await expect(page.getByPlaceholder('Search pods, places and commands')).toBeVisible()
  await audit(page, 'palette')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible()
  await audit(page, 'shortcuts')
})

test('a ConfigMap’s and a Secret’s pages, forms and dialogs', async ({ console: page, tenant }) => {
  await tenant.api.configMap.create.mutate({ tenant: tenant.slug, name: 'settings', data: { 'app.conf': 'mode=one\n', EMPTY: '' }, binaryData: { logo: '/wAB' }, labels: { app: 'web' } })
  await tenant.api.secret.create.mutate({ tenant: tenant.slug, name: 'login', stringData: { password: 'x' } })
  const [configMap, secret] = [`/t/${tenant.slug}/config-maps/default/settings`, `/t/${tenant.slug}/secrets/default/login`]
  for (const path of [`/t/${tenant.slug}/config-maps`, `/t/${tenant.slug}/secrets`, configMap, secret]) await auditPage(page, path)
  await page.getByRole('button', { name: 'Reveal values' }).click()
  await expect(page.getByLabel('Value of password')).toBeVisible()
  await audit(page, 'revealed values')
  await page.getByRole('button', { name: 'Delete Secret' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'delete dialog of a Secret')
  for (const path of [configMap, secret]) {
    await page.goto(`${path}/edit`)
    await expect(page.getByRole('dialog').getByRole('group', { name: 'Row 1' })).toBeVisible()
    await audit(page, `${path}/edit`)
  }
})

test('pages of the operator', async ({ page }) => {
  await signInByRequest(page.context(), installation.operator)
  for (const path of ['/system/hosts', '/system/approvals', '/system/mail', '/account']) await auditPage(page, path)
  await page.goto('/system/hosts')
  await page.getByRole('row').getByRole('link').first().click()
  await expect(page.getByText('Capacity')).toBeVisible()
  await audit(page, 'a host')
})

test('a narrow screen is not wider than it is', async ({ console: page, tenant }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  for (const path of ['/', `/t/${tenant.slug}/pods`, `/t/${tenant.slug}/pods/new`, `/t/${tenant.slug}/networks/default`, '/account']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    expect.soft(content, path).toBeLessThanOrEqual(width ?? 0)
  }
})
