import { audit, auditAll, auditPage } from './fixtures/audit'
import { everyPage, visits } from './fixtures/every-page'
import { expect, test } from './fixtures/test'

// The pages of those who are signed in: accessibility.long.spec.ts.

test('every page of the console is looked at', () => {
  expect(Object.values(visits).flatMap((group) => Object.keys(group)).sort(), 'a page that is new stands in e2e/fixtures/every-page.ts').toEqual(everyPage())
})

test('pages for everybody', async ({ page }) => {
  await auditAll(page, visits.everybody, {})
  await auditPage(page, '/no-such-page')
  await page.goto('/sign-up')
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.locator('[aria-invalid=true]').first()).toBeVisible()
  await audit(page, 'sign-up with errors')
})
