import { analyzeInBothThemes } from './fixtures/axe'
import { createPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import type { Tenant } from './fixtures/accounts'

/** A pod that serves a page on port 8080, with the label `app`. */
async function serve({ api, slug }: Tenant, name: string, image: string): Promise<void> {
  const command = ['sh', '-c', `mkdir -p /tmp/www && echo ${name} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`]
  await api.pod.create.mutate({ tenant: slug, name, labels: { app: name }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image, command }] } })
}

test('whether a pod reaches another is answered with the rule that decides, and a real try agrees', async ({ console: page, tenant, registry }) => {
  await registry.pushBusybox('net/tools:1')
  const image = `${registry.host}/net/tools:1`
  const { api, slug } = tenant
  await serve(tenant, 'db', image)
  await createPod(tenant, { name: 'web', container: { image, command: ['sleep', '3600'] } })
  const db = await waitUntilRunning(tenant, { namespace: 'default', name: 'db' })
  await waitUntilRunning(tenant, { namespace: 'default', name: 'web' })
  const answer = page.getByRole('region', { name: 'Answer' })
  const tried = page.getByRole('button', { name: /Try (it from the pod|again)/ })
  const agreed = page.getByText('Agrees with the answer')

  await test.step('from a pod’s page to the question', async () => {
    await page.goto(`/t/${slug}/pods/default/web`)
    await page.getByRole('link', { name: 'Check reachability' }).click()
    await expect(page.getByRole('combobox', { name: 'From pod' })).toHaveValue('default/web')
    await page.getByRole('combobox', { name: 'To pod' }).fill('default/db')
    await page.getByRole('textbox', { name: 'Port' }).fill('8080')
    await expect(answer).toContainText('Yes')
    await expect(page.getByText('Decides')).toHaveCount(1)
  })
  await test.step('a real try agrees', async () => {
    await expect(async () => {
      await tried.click()
      await expect(page.getByText('Reached')).toBeVisible({ timeout: 30_000 })
    }).toPass({ timeout: 120_000 })
    await expect(page.getByText(/^[\d.,]+ ms$/)).toBeVisible()
    await expect(agreed).toBeVisible()
    await tried.click()
    await expect(agreed).toBeVisible()
  })
  await test.step('a group that lets others in alone decides otherwise, and so does the network', async () => {
    await api.securityGroup.create.mutate({ tenant: slug, name: 'db', spec: { podSelector: { matchLabels: { app: 'db' } }, rules: [{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 8080 }], cidr: '10.250.0.0/16' }] } })
    await expect(answer).toContainText('No')
    await expect(answer).toContainText('security group “db”')
    await expect(async () => {
      await tried.click()
      await expect(page.getByText('No answer')).toBeVisible({ timeout: 30_000 })
    }).toPass({ timeout: 120_000 })
    await expect(agreed).toBeVisible()
  })
  await analyzeInBothThemes(page, 'an answer and a try')
  await test.step('the question is the address of the page', async () => {
    await page.reload()
    await expect(page.getByRole('textbox', { name: 'Port' })).toHaveValue('8080')
    await expect(answer).toContainText('No')
    await page.getByRole('link', { name: 'Security group db' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'db' })).toBeVisible()
    await page.goBack()
    await expect(answer).toContainText('No')
  })
  await test.step('by address, and what is never routed', async () => {
    await page.getByRole('group', { name: 'To what' }).getByText('Address').click()
    await page.getByRole('textbox', { name: 'Address' }).fill('169.254.169.254')
    await expect(answer).toContainText('link-local with metadata services')
    await page.getByRole('textbox', { name: 'Address' }).fill(db.status.podIP ?? '')
    await expect(answer).toContainText('security group “db”')
    await page.getByRole('textbox', { name: 'Address' }).fill('not an address')
    await expect(page.getByText('Must be an IP address')).toBeVisible()
  })
  await test.step('a pod that is not there', async () => {
    await page.goto(`/t/${slug}/networks/default/reachability?from=default%2Fweb&to=default%2Fnobody&port=1`)
    await expect(page.getByText('Pod "nobody" does not exist here')).toBeVisible()
  })
  const audited = await api.audit.list.query({ tenant: slug })
  expect(JSON.stringify(audited)).toContain('pod.probe.open')
})
