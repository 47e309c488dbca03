import { withMotion } from './fixtures/motion'
import { expect, test } from './fixtures/test'

test.use(withMotion)

test('a menu that is pressed before the page listens opens once it does, and stays open while its list changes', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  const create = (name: string) => api.service.create.mutate({ tenant: slug, name, spec: { ports: [{ port: 80 }] } })
  await create('middle')
  // The page's own scripts wait: what the server rendered is there, and nothing hears a press.
  let letGo: () => void = () => {}
  const held = new Promise<void>((resolve) => { letGo = resolve })
  await page.route('**/_next/static/**/*.js', async (route) => { await held; await route.continue() })
  await page.goto(`/t/${slug}/services`, { waitUntil: 'commit' })
  const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) })
  await row('middle').getByRole('button', { name: 'Actions for middle' }).click()
  const item = page.getByRole('menuitem', { name: 'Delete service' })
  await expect(item).toHaveCount(0)
  letGo()
  await expect(item).toBeVisible()

  // Rows before it and after it: its own moves.
  for (const name of ['after', 'before', 'zero']) await create(name)
  for (const name of ['after', 'before', 'zero']) await expect(row(name)).toBeVisible()
  await expect(item).toBeVisible()
  await item.click()
  await expect(page.getByRole('alertdialog')).toContainText('middle')
})

test('a menu opens however soon after the page began it is pressed, and a second press closes it', async ({ console: page, tenant }) => {
  // A page that is there at once, as with a fast machine: its clock hardly goes.
  await page.addInitScript(() => {
    const since = performance.now.bind(performance)
    performance.now = () => since() / 1000
  })
  await page.goto(`/t/${tenant.slug}/services`)
  const trigger = page.getByRole('button', { name: 'Theme' })
  const menu = page.getByRole('menu')
  for (const press of [() => trigger.click(), () => trigger.press('Enter')]) {
    await press()
    await expect(menu).toBeVisible()
    await trigger.click()
    await expect(menu).toBeHidden()
  }
})
