import type { Page } from '@playwright/test'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { openApiWith } from './fixtures/api'
import { analyzeInBothThemes } from './fixtures/axe'
import { installation } from './fixtures/installation'
import { createPod, runIn, waitUntilRunning } from './fixtures/pods'
import { goByKeys, untilKeysAnswer } from './fixtures/keys'
import { expect, test } from './fixtures/test'

/** In a dialog or side form: a choice that is shown as segments. */
const choose = (page: Page, form: string, choice: string) => page.getByRole('dialog', { name: form }).getByText(choice, { exact: true }).click()

/** A pod that says its own name to whoever asks by HTTP. */
const createWeb = (tenant: Tenant, name: string) => createPod(tenant, { name, container: { command: ['sh', '-c', `mkdir -p /tmp/www && echo ${name} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`] } })

/** Who answers at an address of the outside, asked from this machine by a new connection; null: nobody. */
const answering = (address: string) => fetch(`http://${address}:8080/`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(10_000) }).then(async (answer) => (await answer.text()).trim()).catch(() => null)

test('an address is allocated for a pod, moved to another, detached and released: the outside reaches whom it leads to', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  const at = (path: string) => new RegExp(`/t/${slug}${path}$`)
  const statusOf = async () => (await api.floatingAddress.get.query({ tenant: slug, name: 'www' })).status
  for (const name of ['one', 'two']) await createWeb(tenant, name)
  await page.goto(`/t/${slug}/pods`)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await goByKeys(page, 'gf', at('/floating-addresses'))
  await expect(page.getByText('No floating addresses yet')).toBeVisible()
  await expect(page.getByText('0 of 10 addresses').first()).toBeVisible()

  await test.step('allocated, with what is wrong at its field', async () => {
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const form = page.getByRole('dialog', { name: 'Allocate address' })
    await form.getByRole('textbox', { name: 'Name' }).fill('www')
    await form.getByText('More', { exact: true }).click()
    await form.getByRole('textbox', { name: 'Address' }).fill('203.0.113.9')
    await form.getByRole('button', { name: 'Allocate address' }).click()
    await expect(form.getByRole('textbox', { name: 'Address' })).toHaveAttribute('aria-invalid', 'true')
    await form.getByRole('textbox', { name: 'Address' }).fill('')
    await choose(page, 'Allocate address', 'A pod')
    await form.getByRole('combobox', { name: 'Pod' }).fill('one')
    await page.getByRole('option', { name: /default\/one/ }).click()
    await form.getByRole('button', { name: 'Allocate address' }).click()
    await expect(page.getByRole('heading', { name: 'www', level: 1 })).toBeVisible()
    await expect(page.getByText((await statusOf()).address, { exact: true }).first()).toBeVisible()
  })

  const { address } = await statusOf()
  await test.step('the outside reaches the pod by it, and the pod’s page says so', async () => {
    await expect(page.getByText('Active', { exact: true }).first()).toBeVisible({ timeout: 120_000 })
    await expect.poll(() => answering(address), { timeout: 60_000 }).toBe('one')
    await page.getByRole('link', { name: 'one', exact: true }).first().click()
    await expect(page).toHaveURL(at('/pods/default/one'))
    await expect(page.getByText(address, { exact: true })).toBeVisible()
    await page.getByRole('link', { name: 'www', exact: true }).click()
  })

  await test.step('moved to another pod', async () => {
    await page.getByRole('link', { name: 'Move address' }).click()
    const form = page.getByRole('dialog', { name: 'Move www' })
    await expect(form).toContainText('What is open ends')
    await form.getByRole('combobox', { name: 'Pod' }).fill('default/two')
    await form.getByRole('button', { name: 'Move address' }).click()
    await expect(form).toHaveCount(0)
    await expect(page.getByRole('link', { name: 'two', exact: true }).first()).toBeVisible()
    await expect.poll(async () => { const { phase, holder } = await statusOf(); return phase === 'Active' && holder?.name }, { timeout: 60_000 }).toBe('two')
    await expect.poll(() => answering(address), { timeout: 120_000 }).toBe('two')
  })

  await test.step('a pod that has one is refused another, at its field', async () => {
    await page.goto(`/t/${slug}/floating-addresses-new?target=Pod/default/two`)
    const form = page.getByRole('dialog', { name: 'Allocate address' })
    await form.getByRole('textbox', { name: 'Name' }).fill('second')
    await form.getByRole('button', { name: 'Allocate address' }).click()
    await expect(form.getByRole('combobox', { name: 'Pod' })).toHaveAttribute('aria-invalid', 'true')
    await expect(form).toContainText('has an IPv4 address already')
    await form.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Discard changes' }).click()
    await expect(page).toHaveURL(at('/floating-addresses'))
    await expect(page.getByText('1 of 10 addresses').first()).toBeVisible()
  })

  await test.step('as YAML', async () => {
    await page.goto(`/t/${slug}/floating-addresses/www/yaml`)
    await expect(page.getByRole('textbox', { name: 'YAML of floating address www' })).toContainText('kind: FloatingAddress')
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    await expect(page.getByRole('textbox', { name: 'Manifest' })).toContainText('name: two')
  })

  await test.step('detached, and released after what stops is said', async () => {
    await page.goto(`/t/${slug}/floating-addresses/www`)
    await page.getByRole('button', { name: 'Detach address' }).click()
    await expect(page.getByRole('alertdialog')).toContainText('no new one gets there')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Detach address' }).click()
    await expect(page.getByText('Nothing: it leads nowhere.')).toBeVisible()
    // Nobody is asked any more: what leads nowhere on this machine would leave it.
    await expect.poll(async () => (await statusOf()).host, { timeout: 60_000 }).toBeNull()
    await page.getByRole('button', { name: 'More actions for www' }).click()
    await page.getByRole('menuitem', { name: 'Release address' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('goes back to pool default')
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await analyzeInBothThemes(page, 'dialog that releases an address')
    await dialog.getByRole('button', { name: 'Release address' }).click()
    await expect(page).toHaveURL(at('/floating-addresses'))
    await expect(page.getByText('No floating addresses yet')).toBeVisible({ timeout: 60_000 })
  })
})

test('an address of IPv6 is routed to a pod: to one that starts with it, and to one that runs', async ({ browser, tenant }) => {
  const { api, slug } = tenant
  const operator = await browser.newContext({ baseURL: installation.url })
  await signInByRequest(operator, installation.operator)
  const asOperator = openApiWith({ origin: installation.url, cookie: (await operator.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ') })
  // A block of the documentation's by chance, as above.
  const prefix = `2001:db8:${Math.floor(1 + Math.random() * 0xfffe).toString(16)}:`
  const pool = `six-${slug.slice(-6).replace(/^[^a-z0-9]+/, '')}`
  await asOperator.addressPool.create.mutate({ name: pool, spec: { subnet: { cidr: `${prefix}:/64` } } })
  const statusOf = async () => (await api.floatingAddress.get.query({ tenant: slug, name: 'www' })).status
  const pods = ['one', 'two'] as const
  await test.step('one pod starts with it', async () => {
    // Where it leads to need not exist yet.
    await api.floatingAddress.create.mutate({ tenant: slug, name: 'www', spec: { pool, target: { kind: 'Pod', name: 'one' } } })
    for (const name of pods) await createWeb(tenant, name)
    await expect.poll(async () => (await statusOf()).phase, { timeout: 180_000 }).toBe('Active')
    await expect.poll(async () => answering(`[${(await statusOf()).address}]`), { timeout: 60_000 }).toBe('one')
  })
  const { address } = await statusOf()
  const seenIn = async (name: string) => (await runIn(tenant, { namespace: 'default', name }, 'sh', '-c', 'ip -6 address; ip -6 route get 2600::1')).stdout
  await test.step('the pod has it as its own, and its connections leave from it', async () => {
    const seen = await seenIn('one')
    expect(seen).toContain(`${address}/128`)
    expect(seen).toMatch(new RegExp(`src ${address}\\b`))
  })
  await test.step('it moves to a pod that runs, and the first has it no more', async () => {
    await waitUntilRunning(tenant, { namespace: 'default', name: 'two' })
    await api.floatingAddress.update.mutate({ tenant: slug, name: 'www', target: { kind: 'Pod', name: 'two' } })
    await expect.poll(() => answering(`[${address}]`), { timeout: 60_000 }).toBe('two')
    await expect.poll(async () => { const { phase, holder } = await statusOf(); return phase === 'Active' && holder?.name }, { timeout: 60_000 }).toBe('two')
    await expect.poll(() => seenIn('two'), { timeout: 60_000 }).toContain(`${address}/128`)
    await expect.poll(() => seenIn('one'), { timeout: 30_000 }).not.toContain(address)
  })
  await test.step('given back, nobody has it', async () => {
    await api.floatingAddress.delete.mutate({ tenant: slug, name: 'www' })
    await expect.poll(async () => (await api.floatingAddress.list.query({ tenant: slug })).items.length, { timeout: 60_000 }).toBe(0)
    await expect.poll(() => seenIn('two'), { timeout: 30_000 }).not.toContain(address)
  })
  await asOperator.addressPool.delete.mutate({ name: pool })
  await operator.close()
})

test('an operator makes a pool, sees who has its addresses, and is refused what tenants hold', async ({ page, tenant }) => {
  await signInByRequest(page.context(), installation.operator)
  // A block of TEST-NET-3 by chance, so that a run before this one is in nobody's way; a second try takes none of those that the first took one of.
  const block = 8 * (2 * Math.floor(Math.random() * 16) + (test.info().retry % 2))
  const [cidr, name] = [`203.0.113.${block}/29`, `office-${tenant.slug.slice(-6).replace(/^[^a-z0-9]+/, '')}`]
  await page.goto('/system/address-pools')
  await expect(page.getByRole('row', { name: /^default/ })).toContainText(installation.pool)

  await test.step('made by form, with what is wrong at its field', async () => {
    await page.getByRole('link', { name: 'Create address pool' }).click()
    const form = page.getByRole('dialog', { name: 'Create address pool' })
    await form.getByRole('textbox', { name: 'Name' }).fill(name)
    await form.getByLabel('Subnet').fill(installation.pool.replace('.0/24', '.128/25'))
    await form.getByRole('button', { name: 'Create address pool' }).click()
    await expect(form.getByLabel('Subnet')).toHaveAttribute('aria-invalid', 'true')
    await form.getByLabel('Subnet').fill(cidr)
    await form.getByLabel(/^Ranges for tenants/).fill(`203.0.113.${block + 2} - 203.0.113.${block + 3}`)
    await form.getByRole('button', { name: 'Create address pool' }).click()
    await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible()
    await expect(page.getByText('No tenant has an address of this pool yet.')).toBeVisible()
  })

  await test.step('who has which address', async () => {
    await tenant.api.floatingAddress.create.mutate({ tenant: tenant.slug, name: 'ours', spec: { pool: name } })
    await expect(page.getByRole('row', { name: new RegExp(`203.0.113.${block + 2} `) })).toContainText(tenant.slug)
    await expect(page.getByText('1 of 2')).toBeVisible()
  })

  await test.step('what leaves a tenant’s address out is refused at its field', async () => {
    await page.getByRole('link', { name: 'Edit address pool' }).click()
    const form = page.getByRole('dialog', { name: `Edit ${name}` })
    await form.getByLabel(/^Ranges for tenants/).fill(`203.0.113.${block + 3}`)
    await form.getByRole('button', { name: 'Save address pool' }).click()
    await expect(form.locator('[aria-invalid=true]')).toHaveCount(1)
    await form.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Discard changes' }).click()
  })

  await test.step('a tenant chooses among pools', async () => {
    const browser = page.context().browser()
    const other = await browser!.newContext({ baseURL: installation.url })
    await signInByRequest(other, tenant.person)
    const own = await other.newPage()
    await own.goto(`/t/${tenant.slug}/floating-addresses-new`)
    await expect(own.getByRole('dialog', { name: 'Allocate address' }).getByLabel('Pool').locator('option', { hasText: cidr })).toHaveCount(1)
    await other.close()
  })

  await test.step('it goes once no tenant has an address of it', async () => {
    await page.getByRole('button', { name: `More actions for ${name}` }).click()
    await expect(page.getByRole('menuitem', { name: 'Delete address pool' })).toHaveAttribute('aria-disabled', 'true')
    await page.keyboard.press('Escape')
    await tenant.api.floatingAddress.delete.mutate({ tenant: tenant.slug, name: 'ours' })
    await page.reload()
    await page.getByRole('button', { name: `More actions for ${name}` }).click()
    await page.getByRole('menuitem', { name: 'Delete address pool' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete address pool' }).click()
    await expect(page).toHaveURL(/\/system\/address-pools$/)
    await expect(page.getByRole('row', { name: new RegExp(name) })).toHaveCount(0)
  })
})
