import { expect, test } from './fixtures/test'

test('the keyboard reaches everything: ⌘K, /, c, g p, ?', async ({ console: page, tenant }) => {
  const at = (path: string) => new RegExp(`/t/${tenant.slug}${path}$`)
  await page.goto(`/t/${tenant.slug}/networks`)
  await expect(page.getByRole('row', { name: /default/ })).toBeVisible()

  await page.keyboard.type('gp')
  await expect(page).toHaveURL(at('/pods'))
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
  await page.getByPlaceholder('Search pods, places and commands').fill('create network')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(at('/networks-new'))
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(at('/networks'))

  await page.keyboard.type('gp')
  await expect(page.getByRole('heading', { name: 'Pods', level: 1 })).toBeVisible()
  await page.keyboard.press('c')
  await expect(page).toHaveURL(at('/pods/new'))
})
