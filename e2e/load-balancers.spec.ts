import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import type { Tenant } from './fixtures/accounts'
import { analyze, everything } from './fixtures/axe'
import { installation } from './fixtures/installation'
import { waitUntilRunning } from './fixtures/pods'
import { goByKeys, untilKeysAnswer } from './fixtures/keys'
import { expect, test } from './fixtures/test'

/** A pod of the sample whose page says its name, with the label that balancers choose by. */
const createWeb = ({ api, slug }: Tenant, name: string) =>
  api.pod.create.mutate({
    tenant: slug, name, labels: { app: 'web' },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: sampleImage, ports: [{ name: 'http', containerPort: 8080 }] }] },
  })

const form = (page: Page, name: string) => page.getByRole('dialog', { name })
const live = (page: Page) => expect(page.getByText('Live', { exact: true })).toBeVisible()

test('a balancer is created in three fields, changed beside its page and deleted with what goes with it', async ({ console: page, tenant }) => {
  const at = (path: string) => new RegExp(`/t/${tenant.slug}${path}$`)
  await createWeb(tenant, 'web-1')
  await page.goto(`/t/${tenant.slug}/services`)
  await live(page)
  await goByKeys(page, 'gb', at('/load-balancers'))
  await expect(page.getByText('No load balancers yet')).toBeVisible()

  await test.step('by form, with what is wrong at its field, and the YAML that it makes', async () => {
    await untilKeysAnswer(page)
    await page.keyboard.press('c')
    const create = form(page, 'Create balancer')
    await create.getByRole('button', { name: 'Create balancer' }).click()
    await expect(create.getByLabel('Leads to')).toHaveAttribute('aria-invalid', 'true')
    await create.getByRole('textbox', { name: 'Name', exact: true }).fill('front')
    await create.getByLabel('Leads to').selectOption({ label: 'app=web (1 pod)' })
    await expect(create.getByRole('combobox', { name: 'Port', exact: true })).toHaveValue('8080')
    await create.getByText('As YAML', { exact: true }).click()
    await expect(create.getByLabel('Manifest of this balancer', { exact: true })).toContainText('type: LoadBalancer')
    await create.getByRole('button', { name: 'Create balancer' }).click()
    await expect(page.getByRole('heading', { name: 'front', level: 1 })).toBeVisible()
    await expect(page).toHaveURL(at('/load-balancers/service/default/front'))
  })

  await test.step('its rules are those of its hosts', async () => {
    await page.getByRole('link', { name: 'Edit rules' }).click()
    const edit = form(page, 'Edit rules of front')
    await edit.getByLabel('Hosts').fill('WWW.example.com')
    await edit.getByRole('button', { name: 'Save rules' }).click()
    await expect(edit.getByLabel('Hosts')).toHaveAttribute('aria-invalid', 'true')
    await edit.getByLabel('Hosts').fill('www.example.com\n*.shop.example.com')
    await edit.getByRole('button', { name: 'Save rules' }).click()
    await expect(edit).toHaveCount(0)
    const rules = page.getByRole('table', { name: 'Rules' })
    await expect(rules.getByRole('row', { name: /www\.example\.com.*front:80/ })).toBeVisible()
    await expect(rules.getByRole('row', { name: /Everything else.*404/ })).toBeVisible()
  })

  await test.step('options are in words, and what is wrong with one stands at it', async () => {
    await page.getByRole('link', { name: 'Options', exact: true }).click()
    await page.getByRole('link', { name: 'Edit options' }).click()
    const edit = form(page, 'Edit options of front')
    await edit.getByLabel('Size of a request').fill('much')
    await edit.getByRole('button', { name: 'Save options' }).click()
    await expect(edit.getByLabel('Size of a request')).toBeFocused()
    await edit.getByLabel('Size of a request').fill('10Mi')
    await edit.getByLabel('Requests a second and client').fill('50')
    await edit.getByRole('button', { name: 'Save options' }).click()
    await expect(edit).toHaveCount(0)
    await expect(page.getByText('10 MiB')).toBeVisible()
    const { metadata } = await tenant.api.service.get.query({ tenant: tenant.slug, name: 'front' })
    expect(metadata.annotations).toMatchObject({ 'balancer.hypernetes.io/max-body': '10Mi', 'balancer.hypernetes.io/rate-limit': '50', 'balancer.hypernetes.io/hosts': 'www.example.com,*.shop.example.com' })
  })

  await test.step('a certificate is uploaded, warned of, replaced and let go', async () => {
    const [soon, later] = [makeCertificate({ days: 10 }), makeCertificate({ days: 300 })]
    await page.getByRole('link', { name: 'Certificates' }).first().click()
    await page.getByRole('link', { name: 'Upload certificate' }).click()
    const upload = form(page, 'Upload certificate')
    await upload.getByRole('textbox', { name: 'Name', exact: true }).fill('site')
    await upload.getByLabel('Certificate', { exact: true }).fill(soon.certificate)
    await upload.getByLabel('Private key', { exact: true }).fill(later.key)
    await upload.getByRole('button', { name: 'Upload certificate' }).click()
    await expect(upload.locator('[aria-invalid=true]')).toBeFocused()
    await upload.getByLabel('Private key', { exact: true }).fill(soon.key)
    await upload.getByRole('button', { name: 'Upload certificate' }).click()
    await expect(upload).toHaveCount(0)
    const row = page.getByRole('table', { name: 'Certificates' }).getByRole('row', { name: /site/ })
    await expect(row).toContainText('www.example.com')
    await expect(page.getByText(/The certificate site ends in \d+ days/)).toBeVisible()
    await expect(page.getByText('No certificate is for *.shop.example.com')).toBeVisible()
    await page.getByRole('link', { name: 'Replace certificate' }).click()
    const replace = form(page, 'Replace site')
    await replace.getByLabel('Certificate', { exact: true }).fill(later.certificate)
    await replace.getByLabel('Private key', { exact: true }).fill(later.key)
    await replace.getByRole('button', { name: 'Replace certificate' }).click()
    await expect(replace).toHaveCount(0)
    await expect(page.getByText(/The certificate site ends/)).toHaveCount(0)
    await row.getByRole('button', { name: 'Actions for site' }).click()
    await page.getByRole('menuitem', { name: 'Stop using it' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Stop using certificate' }).click()
    await expect(page.getByText('No certificates', { exact: true })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Use certificate' })).toBeVisible()
    expect((await tenant.api.service.get.query({ tenant: tenant.slug, name: 'front' })).spec.ports.map(({ port }) => port)).toEqual([80])
  })

  await test.step('it is deleted, after what goes with it is said', async () => {
    await page.getByRole('button', { name: 'More actions for front' }).click()
    await page.getByRole('menuitem', { name: 'Delete balancer' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('The Service front of namespace default is deleted with it')
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await dialog.getByRole('button', { name: 'Delete balancer' }).click()
    await expect(page).toHaveURL(at('/load-balancers'))
    await expect(page.getByText('No load balancers yet')).toBeVisible()
  })
})

test('a balancer before services is an Ingress, with a service for each rule', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  for (const name of ['shop', 'blog']) await api.service.create.mutate({ tenant: slug, name, spec: { selector: { app: name }, ports: [{ port: 80 }] } })
  await page.goto(`/t/${slug}/load-balancers-new`)
  const create = form(page, 'Create balancer')
  await create.getByRole('textbox', { name: 'Name', exact: true }).fill('site')
  await create.getByLabel('Leads to').selectOption({ label: 'shop (80)' })
  await create.getByText('More', { exact: true }).click()
  await create.getByLabel('Hosts').fill('shop.example.com')
  await create.getByRole('button', { name: 'Create balancer' }).click()
  await expect(page).toHaveURL(new RegExp(`/t/${slug}/load-balancers/ingress/default/site$`))
  await page.getByRole('link', { name: 'Edit rules' }).click()
  const edit = form(page, 'Edit rules of site')
  await edit.getByRole('button', { name: 'Add rule' }).click()
  const second = edit.getByRole('group', { name: 'Rule 2' })
  await second.getByLabel('Host').fill('shop.example.com')
  await edit.getByRole('button', { name: 'Save rules' }).click()
  // By then the focus is where it is wrong: what is typed next goes where it shall.
  await expect(second.getByLabel('Path', { exact: true })).toBeFocused()
  await expect(second.locator('[aria-invalid=true]')).toHaveCount(1)
  await second.getByLabel('Host').fill('blog.example.com')
  await second.getByLabel('Service').fill('blog')
  await edit.getByRole('button', { name: 'Save rules' }).click()
  await expect(edit).toHaveCount(0)
  await expect(page.getByRole('row', { name: /blog\.example\.com.*blog:80/ })).toBeVisible()
  expect((await api.ingress.get.query({ tenant: slug, name: 'site' })).spec.rules.map(({ host }) => host)).toEqual(['shop.example.com', 'blog.example.com'])
  await page.getByRole('link', { name: 'YAML' }).click()
  await expect(page.getByRole('textbox', { name: 'YAML of Ingress site' })).toContainText('networking.k8s.io/v1')

  await page.goto(`/t/${slug}/load-balancers?q=nothing`)
  await expect(page.getByText('No results for these filters')).toBeVisible()
  await page.goto(`/t/${slug}/load-balancers/ingress/default/none`)
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
})

test('a pod is exposed from its page, and its page opens', async ({ console: page, tenant }) => {
  await createWeb(tenant, 'web-1')
  await waitUntilRunning(tenant, { namespace: 'default', name: 'web-1' })
  await page.goto(`/t/${tenant.slug}/pods/default/web-1`)
  await page.getByRole('button', { name: 'Expose pod' }).click()
  const dialog = form(page, 'Expose pod web-1')
  await expect(dialog.getByRole('combobox', { name: 'Port' })).toHaveValue('8080')
  await analyze(page, 'dialog that exposes a pod', everything)
  await dialog.getByRole('button', { name: 'Expose pod' }).click()
  const link = dialog.getByRole('link', { name: /^http:/ })
  await expect(link).toBeVisible()
  await expect(dialog.getByText('Active', { exact: true })).toBeVisible({ timeout: 120_000 })
  const url = (await link.getAttribute('href')) ?? ''
  expect(url.startsWith(`http://${installation.pool.replace('.0/24', '.')}`), url).toBe(true)
  await dialog.getByRole('link', { name: 'Show balancer' }).click()
  const backends = page.getByRole('table', { name: /^Backends of/ })
  await expect(backends.getByRole('row', { name: /web-1/ })).toContainText('Up')
  await page.getByRole('link', { name: 'Logs' }).click()
  await expect(page.getByText('Following', { exact: true })).toBeVisible()
  const opened = await page.context().newPage()
  const answer = await opened.goto(url)
  expect(answer?.status()).toBe(200)
  await opened.close()
  await expect(page.getByRole('log')).toContainText(`GET ${installation.pool.replace('.0/24', '.')}`)

  await test.step('what passed through each pod is seen at once, and that nobody is answered any more as soon', async () => {
    await page.getByRole('link', { name: 'Overview', exact: true }).click()
    const cell = (head: string) => backends.getByRole('row', { name: /web-1/ }).getByRole('cell').nth(['Health', 'Pod', 'Address', 'Weight', 'Open', 'Requests', 'Errors', 'Answers after', 'Traffic', 'Since'].indexOf(head))
    await expect(cell('Requests')).toHaveText(/^[1-9]/)
    await expect(cell('Traffic')).toContainText('out')
    await expect(cell('Since')).toContainText(/ago|now/)
    await tenant.api.pod.delete.mutate({ tenant: tenant.slug, namespace: 'default', name: 'web-1', graceSeconds: 1 })
    await expect(page.getByText('Clients are not answered')).toBeVisible()
  })
})
