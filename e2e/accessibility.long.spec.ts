import { signInByRequest, type Tenant } from './fixtures/accounts'
import { openApi } from './fixtures/api'
import { audit, auditAll, auditPage } from './fixtures/audit'
import { visits } from './fixtures/every-page'
import { installation } from './fixtures/installation'
import { createPod, waitForPod, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import { writeSnapshot } from './fixtures/volumes'

test('pages of a tenant', async ({ console: page, tenant }) => {
  await tenant.api.configMap.create.mutate({ tenant: tenant.slug, name: 'settings', data: { colour: 'blue' } })
  await tenant.api.secret.create.mutate({ tenant: tenant.slug, name: 'password', stringData: { password: 'not told' } })
  await tenant.api.service.create.mutate({ tenant: tenant.slug, name: 'web', spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })
  await tenant.api.floatingAddress.create.mutate({ tenant: tenant.slug, name: 'web', spec: { target: { kind: 'Pod', name: 'web' } } })
  await tenant.api.volume.create.mutate({ tenant: tenant.slug, name: 'data', spec: { size: '1Gi', limits: { iops: 500, iopsBurst: 2000 } } })
  await tenant.api.volumeClaim.create.mutate({ tenant: tenant.slug, name: 'db', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  await writeSnapshot(tenant, { name: 'before', volume: 'data' })
  await tenant.api.snapshotSchedule.create.mutate({ tenant: tenant.slug, name: 'nightly', spec: { volumes: { names: ['data', 'later'] }, every: '1d', keep: { daily: 7 } } })
  await tenant.api.service.create.mutate({ tenant: tenant.slug, name: 'front', annotations: { 'balancer.hypernetes.io/protocol': 'http', 'balancer.hypernetes.io/hosts': 'www.example.com' }, spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })
  const rules = [{ direction: 'ingress' as const, protocol: 'tcp' as const, ports: [{ port: 80 }, { port: 8000, endPort: 8100 }], cidr: '10.0.0.0/8' }, { direction: 'egress' as const, protocol: 'icmp' as const, icmpTypes: [8], description: 'To see who lives' }]
  await tenant.api.securityGroup.create.mutate({ tenant: tenant.slug, name: 'web', spec: { description: 'What the world may ask', podSelector: { matchLabels: { app: 'web' } }, rules } })
  await tenant.api.networkPolicy.create.mutate({ tenant: tenant.slug, name: 'db', spec: { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] }] } })
  await auditAll(page, visits.tenant, { tenant: tenant.slug, service: 'web', balancer: 'front', floatingAddress: 'web', volume: 'data', claim: 'db', snapshot: 'before', schedule: 'nightly', securityGroup: 'web', networkPolicy: 'db', configMap: 'settings', secret: 'password' })
  await auditPage(page, `/t/${tenant.slug}/pods?q=nothing`)
  await page.goto(`/t/${tenant.slug}/pods/new`)
  for (const add of ['Add variable', 'Add ConfigMap or Secret', 'Add port', 'Add pull secret', 'Add volume', 'Add mount']) await page.getByRole('button', { name: add }).click()
  await page.getByLabel('Kind of variable 1').selectOption('Secret key')
  await page.getByLabel('Readiness probe').selectOption('HTTP request')
  await page.getByLabel('Liveness probe').selectOption('Command')
  await page.getByRole('button', { name: 'Create pod', exact: true }).click()
  await expect(page.locator('.text-error-content').first()).toBeVisible()
  await audit(page, 'pods/new, filled and wrong')
  await page.goto(`/t/${tenant.slug}/pods/new?as=yaml`)
  await expect(page.getByRole('textbox', { name: 'Manifest' })).toBeVisible()
  await audit(page, 'pods/new as YAML')
})

test('a pod’s pages', async ({ console: page, tenant }) => {
  await waitUntilRunning(tenant, await createPod(tenant, { name: 'web' }))
  await auditAll(page, visits.pod, { tenant: tenant.slug, pod: 'web' })
  await page.goto(`/t/${tenant.slug}/pods/default/web/terminal`)
  await expect(page.getByText('Connected')).toBeVisible()
  await audit(page, 'terminal')
  // xterm paints in colours of its own, of which axe knows nothing.
  const [text, ground] = await page.evaluate(() => ['.xterm-rows', '.xterm-viewport'].map((each) => getComputedStyle(document.querySelector(each) ?? document.body)).map((style, i) => (i === 0 ? style.color : style.backgroundColor)))
  expect(text).not.toBe(ground)
})

test('pods that fail, and what stands over the pages', async ({ console: page, tenant }) => {
  await makeFailing(tenant)
  const at = `/t/${tenant.slug}/pods`
  for (const name of ['broken', 'crashes']) await auditPage(page, `${at}/default/${name}`)
  await auditPage(page, `${at}/default/crashes/events`)
  await auditPage(page, at)
  await auditPage(page, `/t/${tenant.slug}/images`)

  await page.goto(at)
  await page.getByRole('button', { name: 'Actions for broken' }).click()
  await expect(page.getByRole('menu')).toBeVisible()
  await audit(page, 'menu of a row')
  await page.keyboard.press('Escape')
  await page.getByRole('checkbox', { name: /^Select all/ }).check()
  await expect(page.getByText('2 pods selected')).toBeVisible()
  await audit(page, 'pods selected')
  await page.getByRole('button', { name: 'Delete pods' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'dialog that deletes several')
  await page.getByRole('button', { name: 'Cancel' }).click()

  await page.goto(`${at}/default/crashes`)
  await page.getByRole('button', { name: 'Delete pod' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'delete dialog')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.keyboard.press('ControlOrMeta+k')
  await expect(page.getByPlaceholder('Search pods, volumes, places and commands')).toBeVisible()
  await audit(page, 'palette')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible()
  await audit(page, 'shortcuts')
  await page.keyboard.press('Escape')

  await page.goto(`${at}/default/crashes/yaml?edit=1`)
  const editor = page.getByRole('textbox', { name: 'Manifest of pod crashes' })
  await expect(editor).toBeVisible()
  await editor.press('ControlOrMeta+End')
  await editor.pressSequentially('# changed')
  await audit(page, 'edit of a pod')
  await page.getByRole('button', { name: 'Delete and create anew' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'dialog that creates anew')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('link', { name: 'Pods', exact: true }).first().click()
  await expect(page.getByRole('alertdialog', { name: 'Leave this page?' })).toBeVisible()
  await audit(page, 'dialog before a page is left')
})

test('values of a Secret, and what asks before it takes other things away', async ({ console: page, tenant }) => {
  const at = `/t/${tenant.slug}`
  const { api, slug } = tenant
  await api.secret.create.mutate({ tenant: slug, name: 'login', stringData: { password: 'not a real one' } })
  await api.configMap.create.mutate({ tenant: slug, name: 'settings', data: { 'app.conf': 'mode = fast' } })
  await api.network.create.mutate({ tenant: slug, name: 'spare', spec: { subnets: { pods: { cidr: '10.30.0.0/24' } } } })
  await api.namespace.create.mutate({ tenant: slug, name: 'spare', network: 'spare' })
  await page.goto(`${at}/secrets/default/login`)
  await page.getByRole('button', { name: 'Reveal values' }).click()
  await expect(page.getByText('not a real one')).toBeVisible()
  await audit(page, 'revealed values')
  const asks = [
    [`${at}/secrets`, 'login', 'Delete Secret'],
    [`${at}/config-maps`, 'settings', 'Delete ConfigMap'],
    [`${at}/namespaces`, 'spare', 'Delete namespace'],
    [`${at}/tokens`, null, 'Revoke API token'],
  ] as const
  for (const [path, row, action] of asks) {
    await page.goto(path)
    await page.getByRole('button', { name: row === null ? /^Actions for / : `Actions for ${row}` }).first().click()
    await page.getByRole('menuitem', { name: action }).click()
    await expect(page.getByRole('alertdialog')).toBeVisible()
    await audit(page, `dialog of “${action}”`)
    await page.getByRole('button', { name: 'Cancel' }).click()
  }
  await page.goto('/account')
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await expect(page.getByRole('alertdialog')).toBeVisible()
  await audit(page, 'dialog that signs out everywhere')
  await page.getByRole('button', { name: 'Cancel' }).click()
})

/** A pod whose image cannot be had, and one that ends again and again. */
async function makeFailing(tenant: Tenant): Promise<void> {
  await createPod(tenant, { name: 'broken', container: { image: '127.0.0.1:9/app:1' } })
  await createPod(tenant, { name: 'crashes', container: { command: ['sh', '-c', 'echo no configuration >&2; exit 3'] } })
  await waitForPod(tenant, { namespace: 'default', name: 'crashes' }, (pod) => pod.status.containers.some((each) => each.restartCount > 0))
}

test('pages of the operator', async ({ page, tenant }) => {
  await openApi().account.requestPasswordReset.mutate({ email: tenant.person.email })
  await signInByRequest(page.context(), installation.operator)
  await page.goto('/system/mail')
  const mail = await page.getByRole('row').getByRole('link').first().getAttribute('href')
  await page.goto('/system/hosts')
  const host = await page.getByRole('row').getByRole('link').first().getAttribute('href')
  await auditAll(page, visits.operator, { mail: mail?.split('/').at(-1) ?? '', host: host?.split('/').at(-1) ?? '' })
  await auditPage(page, '/account')
})
