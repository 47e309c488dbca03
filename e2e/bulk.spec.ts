import { sampleImage } from '@/domain/image/sample'
import { expect, test } from './fixtures/test'

test('several pods are chosen with mouse and keyboard, deleted at once, and told one by one', async ({ console: page, tenant }) => {
  const at = { tenant: tenant.slug, namespace: 'default' }
  // On no host: their machines would take a minute each to come, and what is tried here is the list.
  const spec = { containers: [{ name: 'main', image: sampleImage, resources: { limits: { memory: '1Ti' } } }] }
  for (let i = 1; i <= 6; i++) await tenant.api.pod.create.mutate({ ...at, name: `p${i}`, labels: { half: i <= 3 ? 'first' : 'second' }, spec })
  await page.goto(`/t/${tenant.slug}/pods?sort=name&order=ascending`)
  const box = (name: string) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true })
  await expect(box('p6')).toBeVisible()

  await box('p1').check()
  await box('p3').click({ modifiers: ['Shift'] })
  await expect(page.getByText('3 pods selected')).toBeVisible()
  await page.getByRole('link', { name: 'p5' }).focus()
  await page.keyboard.press('x')
  await expect(page.getByText('4 pods selected')).toBeVisible()
  await page.keyboard.press('x')

  // What is chosen outlives a filter.
  await page.getByRole('textbox', { name: /^Labels/ }).fill('half=second')
  await expect(box('p1')).toHaveCount(0)
  await expect(page.getByText('3 pods selected')).toBeVisible()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await expect(box('p1')).toBeChecked()

  // One goes and another takes its name meanwhile; that one is not deleted by a choice that was made before it was there.
  await tenant.api.pod.delete.mutate({ ...at, name: 'p2' })
  await expect.poll(() => tenant.api.pod.list.query({ tenant: tenant.slug }).then(({ total }) => total)).toBe(5)
  await tenant.api.pod.create.mutate({ ...at, name: 'p2', spec })
  await page.getByRole('button', { name: 'Delete pods' }).click()
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('3 virtual machines are removed')
  await dialog.getByRole('button', { name: 'Delete 3 pods' }).click()
  await expect(dialog.getByRole('heading')).toHaveText('2 pods deleted, 1 not')
  await expect(dialog.getByRole('listitem').filter({ hasText: 'p2' })).toContainText('created anew since it was chosen')
  await dialog.getByRole('button', { name: 'Close' }).click()
  await expect(page.getByText('1 pod selected')).toBeVisible()
  await page.getByRole('button', { name: 'Clear selection' }).click()
  await expect(page.getByRole('region', { name: /^Selected/ })).toHaveCount(0)
  await expect.poll(() => tenant.api.pod.list.query({ tenant: tenant.slug, sort: 'name', descending: false }).then(({ items }) => items.map((pod) => pod.metadata.name))).toEqual(['p2', 'p4', 'p5', 'p6'])

  await page.getByRole('link', { name: 'p4' }).focus()
  await page.keyboard.press('Shift+A')
  await page.getByRole('button', { name: 'Delete pods' }).click()
  await page.getByRole('button', { name: 'Delete 4 pods' }).click()
  await expect(page.getByText('No pods yet')).toBeVisible()
})
