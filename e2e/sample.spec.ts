import { runIn } from './fixtures/pods'
import { expect, test } from './fixtures/test'

test('a newcomer runs the sample with one press, and it serves its page', async ({ console: page, tenant }) => {
  // The button's own script is loaded when it is shown: a press before that is lost.
  await page.goto('/', { waitUntil: 'networkidle' })
  await expect(page.getByText('No pods yet')).toBeVisible()
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Run the sample' }).click()
  const title = page.getByRole('heading', { name: /^sample-/, level: 1 })
  await expect(title).toBeVisible()
  const name = await title.innerText()
  await expect(page.locator('header').filter({ has: title }).getByText('Running', { exact: true })).toBeVisible({ timeout: 120_000 })

  // Its server begins a moment after its container.
  await expect.poll(async () => (await runIn(tenant, { namespace: 'default', name }, 'wget', '-qO-', 'http://localhost:8080/')).stdout, { timeout: 60_000 }).toContain('<title>It runs</title>')

  await page.getByRole('link', { name: 'Pods', exact: true }).first().click()
  await expect(page.getByRole('row', { name: new RegExp(name) })).toContainText('Running')
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
})
