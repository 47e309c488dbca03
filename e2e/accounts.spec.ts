import type { Page } from '@playwright/test'
import { fillSignIn, newPerson, signInByRequest } from './fixtures/accounts'
import { openApi } from './fixtures/api'
import { installation } from './fixtures/installation'
import { expect, test } from './fixtures/test'

const podsPage = (page: Page) => page.getByRole('heading', { name: 'Pods', level: 1 })

test('sign-up refuses what is wrong at its field, and an address that is taken', async ({ page, makeTenant }) => {
  const { person } = await makeTenant()
  await page.goto('/sign-up')
  await page.getByLabel('Name').fill('Grace Hopper')
  await page.getByLabel('E-mail').fill('not an address')
  await page.getByLabel('Organization').fill('Compilers')
  await page.getByLabel('Password').fill('short')
  await page.getByRole('button', { name: 'Create account' }).click()
  for (const field of ['E-mail', 'Password']) await expect(page.getByLabel(field)).toHaveAttribute('aria-invalid', 'true')
  await page.getByLabel('E-mail').fill(person.email)
  await page.getByLabel('Password').fill('nanoseconds of wire')
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.getByRole('alert').or(page.getByLabel('E-mail').locator('xpath=ancestor::div[1]')).first()).toBeVisible()
  await expect(page).toHaveURL(/sign-up$/)
})

test('a wrong password says no more than that; the right one signs in, and out again', async ({ page, makeTenant }) => {
  const { person, slug } = await makeTenant()
  await page.goto('/sign-in')
  await fillSignIn(page, { ...person, password: 'a wrong password' })
  const refusal = page.getByText('Not signed in').locator('xpath=ancestor::*[2]')
  await expect(refusal).toBeVisible()
  const wrongPassword = await refusal.innerText()
  await fillSignIn(page, { email: newPerson().email, password: 'a wrong password' })
  await expect(refusal).toHaveText(wrongPassword.replace(/\s+/g, ' '), { useInnerText: true })

  await fillSignIn(page, person)
  await expect(podsPage(page)).toBeVisible()
  await page.getByRole('button', { name: /^Account of/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.goto(`/t/${slug}/pods`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('a password is reset by a mail that the operator hands on', async ({ page, browser, makeTenant }) => {
  const { person } = await makeTenant()
  await page.goto('/sign-in')
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await expect(page.getByRole('heading', { name: 'Reset your password' })).toBeVisible()
  await page.getByLabel('E-mail').fill(person.email)
  await page.getByRole('button', { name: 'Send link' }).click()
  await expect(page.getByText('Check your mail')).toBeVisible()

  const office = await browser.newContext()
  await signInByRequest(office, installation.operator)
  const desk = await office.newPage()
  const row = desk.getByRole('row').filter({ hasText: person.email })
  await expect(async () => {
    await desk.goto('/system/mail')
    await expect(row).toBeVisible({ timeout: 10_000 })
  }).toPass({ timeout: 60_000 })
  await row.getByRole('link').click()
  const text = await desk.getByText(/https?:\/\/\S+reset-password\S+/).first().innerText()
  await office.close()
  const link = /https?:\/\/\S+reset-password\S+/.exec(text)?.[0] ?? ''

  const renewed = `renewed ${person.password}`
  await page.goto(link)
  await page.getByLabel('New password').fill(renewed)
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('Password changed')).toBeVisible()
  await fillSignIn(page, person)
  await expect(page.getByText('Not signed in')).toBeVisible()
  await fillSignIn(page, { ...person, password: renewed })
  await expect(podsPage(page)).toBeVisible()

  // Left first: the console would notice that its session is gone, and lead to the sign-in meanwhile.
  await page.goto('about:blank')
  await page.context().clearCookies()
  await page.goto(link)
  await page.getByLabel('New password').fill('once more with feeling')
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('The password was not changed')).toBeVisible()
})

test('a token is shown once, works for a script, and is refused once revoked', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/tokens`)
  await page.getByRole('link', { name: 'Create API token' }).first().click()
  await page.getByRole('dialog').getByLabel('Name').fill('deploy')
  await page.getByRole('dialog').getByRole('button', { name: 'Create API token' }).click()
  const shown = page.getByRole('dialog', { name: 'API token created' }).getByText(/^hyp_\w+$/)
  await expect(shown).toBeVisible()
  const token = await shown.innerText()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  const row = page.getByRole('row', { name: /deploy/ })
  await expect(row).toContainText('Active')
  await expect(page.getByText(token)).toHaveCount(0)

  const ask = () => fetch(`${installation.url}/api/trpc/account.me`, { headers: { authorization: `Bearer ${token}` } })
  expect((await ask()).status).toBe(200)
  await row.getByRole('button', { name: 'Actions for deploy' }).click()
  await page.getByRole('menuitem', { name: 'Revoke API token' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke API token' }).click()
  await expect(row).toContainText('Revoked')
  expect((await ask()).status).toBe(401)
})

test('a token acts in its own tenant alone', async ({ makeTenant }) => {
  const [ours, theirs] = [await makeTenant(), await makeTenant()]
  const missing = { data: { httpStatus: 404 } }
  await expect(ours.api.pod.list.query({ tenant: theirs.slug })).rejects.toMatchObject(missing)
  await expect(ours.api.pod.list.query({ tenant: 'no-such-tenant' })).rejects.toMatchObject(missing)
  await expect(openApi().pod.list.query({ tenant: ours.slug })).rejects.toMatchObject({ data: { httpStatus: 401 } })
})

test('signing out everywhere closes the live connection of another browser within 5 s', async ({ console: page, browser, tenant }) => {
  const elsewhere = await browser.newContext()
  await signInByRequest(elsewhere, tenant.person)
  const other = await elsewhere.newPage()
  const opened = other.waitForEvent('websocket', (socket) => socket.url().endsWith('/ws/trpc'))
  await other.goto(`/t/${tenant.slug}/pods`)
  await expect(other.getByText('Live', { exact: true })).toBeVisible()
  const socket = await opened

  await page.goto('/account')
  await expect(page.getByRole('row').filter({ hasText: 'This browser' })).toHaveCount(1)
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  const closed = socket.waitForEvent('close', { timeout: 60_000 }).then(() => Date.now())
  const accepted = page.waitForResponse((response) => response.url().includes('account.signOutEverywhere'))
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out everywhere' }).click()
  await accepted
  const from = Date.now()
  // The promise that the page itself makes; measured from the answer, so that a busy machine does not count.
  expect((await closed) - from).toBeLessThan(5_000)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await other.goto(`/t/${tenant.slug}/pods`)
  await expect(other.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await elsewhere.close()
})
