import { sampleImage } from '@/domain/image/sample'
import { goByKeys } from './fixtures/keys'
import { withMotion } from './fixtures/motion'
import { expect, test } from './fixtures/test'

test.use(withMotion)

test('the keyboard reaches everything: ⌘K, /, c, g p, ?', async ({ console: page, tenant }) => {
  const at = (path: string) => new RegExp(`/t/${tenant.slug}${path}$`)
  await page.goto(`/t/${tenant.slug}/networks`)
  await expect(page.getByRole('row', { name: /default/ })).toBeVisible()

  // What the server rendered is seen before it listens to keys.
  await goByKeys(page, 'gp', at('/pods'))
  await expect(page.getByRole('heading', { name: 'Pods', level: 1 })).toBeFocused()

  await page.keyboard.press('/')
  const filter = page.getByRole('textbox', { name: 'Filter by name or image' })
  await expect(filter).toBeFocused()
  await page.keyboard.type('cgn?')
  await expect(filter).toHaveValue('cgn?')
  await expect(page.getByText('No results for these filters')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByText('No pods yet')).toBeVisible()

  await page.keyboard.press('?')
  const help = page.getByRole('dialog', { name: 'Shortcuts' })
  await expect(help.getByText('Create pod')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(help).toHaveCount(0)

  await page.keyboard.press('ControlOrMeta+k')
  await page.getByPlaceholder('Search pods, volumes, places and commands').fill('create network')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(at('/networks-new'))
  await expect(page.getByRole('dialog', { name: 'Create network' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(at('/networks'))

  await goByKeys(page, 'gp', at('/pods'))
  // The page that is left answers to keys until this one does.
  await expect(page.getByRole('heading', { name: 'Pods', level: 1 })).toBeFocused()
  await page.keyboard.press('c')
  await expect(page).toHaveURL(at('/pods/new'))
})

test('rows, tabs and side forms without a mouse', async ({ console: page, tenant }) => {
  const spec = { containers: [{ name: 'main', image: sampleImage, resources: { limits: { memory: '1Ti' } } }] }
  for (const name of ['a', 'b', 'c']) await tenant.api.pod.create.mutate({ tenant: tenant.slug, name, spec })
  await page.goto(`/t/${tenant.slug}/pods?sort=name&order=ascending`)
  await expect(page.getByRole('link', { name: 'c', exact: true })).toBeVisible()
  await expect(page.getByText('Live', { exact: true })).toBeVisible()

  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('Shift+X')
  await expect(page.getByText('3 pods selected')).toBeVisible()
  await page.keyboard.press('Shift+A')
  await expect(page.getByText(/selected/)).toHaveCount(0)
  await page.keyboard.press('?')
  const help = page.getByRole('dialog', { name: 'Shortcuts' })
  for (const title of ['Next row', 'Select the row of pods', 'Select up to this row', 'Select all pods on this page', 'Go to ConfigMaps', 'Go to Top']) await expect(help.getByText(title, { exact: true })).toBeVisible()
  await page.keyboard.press('Escape')

  await page.getByRole('link', { name: 'b', exact: true }).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'b', level: 1 })).toBeFocused()
  await page.keyboard.press(']')
  await expect(page).toHaveURL(/\/default\/b\/figures$/)
  await page.keyboard.press('[')
  await expect(page).toHaveURL(/\/default\/b$/)
  await page.keyboard.press('[')
  await expect(page).toHaveURL(/\/default\/b\/yaml$/)
  await expect(page.getByRole('textbox', { name: 'YAML of pod b' })).toBeVisible()
  await page.keyboard.press('e')
  await expect(page.getByRole('button', { name: 'Delete and create anew' })).toBeVisible()

  await goByKeys(page, 'gc', /\/config-maps$/)
  await expect(page.getByRole('heading', { name: 'ConfigMaps', level: 1 })).toBeFocused()
  await page.keyboard.press('c')
  await expect(page.getByRole('dialog')).toBeVisible()
  await expect(page.getByRole('dialog').locator('input, select, textarea, button').filter({ visible: true }).and(page.locator(':focus'))).toHaveCount(1)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
})
