import { analyzeInBothThemes } from './fixtures/axe'
import { createPod, runIn, waitUntilRunning, type PodReference } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import type { Tenant } from './fixtures/accounts'

/** How many lines came back over the connection that the client holds open. */
const answers = async (tenant: Tenant, client: PodReference): Promise<number> => Number((await runIn(tenant, client, 'sh', '-c', 'wc -l < /tmp/echo')).stdout.trim())
/** How many more come within a second and a half. */
async function growth(tenant: Tenant, client: PodReference): Promise<number> {
  const { stdout } = await runIn(tenant, client, 'sh', '-c', 'wc -l < /tmp/echo; sleep 1.5; wc -l < /tmp/echo')
  const [before = 0, after = 0] = stdout.trim().split('\n').map(Number)
  return after - before
}

/** TCP waits longer and longer before it sends again: what was cut is let go, and the client connects anew at once. */
const connectAnew = (tenant: Tenant, client: PodReference) => runIn(tenant, client, 'killall', 'nc')

test('rules are edited in the console, and take effect under an open connection', async ({ console: page, tenant, registry }) => {
  await registry.pushBusybox('net/tools:1')
  const image = `${registry.host}/net/tools:1`
  const { api, slug } = tenant
  await api.pod.create.mutate({ tenant: slug, name: 'echo', labels: { app: 'echo' }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image, command: ['nc', '-ll', '-p', '9000', '-e', 'cat'] }] } })
  const echo = await waitUntilRunning(tenant, { namespace: 'default', name: 'echo' })
  const talk = `while :; do (while date; do sleep 0.2; done) | nc ${echo.status.podIP} 9000 >> /tmp/echo; sleep 0.5; done`
  const client = await createPod(tenant, { name: 'client', container: { image, command: ['sh', '-c', `: > /tmp/echo; ${talk}`] } })
  await waitUntilRunning(tenant, client)
  await expect.poll(() => answers(tenant, client), { timeout: 60_000 }).toBeGreaterThan(2)

  await page.goto(`/t/${slug}/security-groups`)
  await expect(page.getByText('No security groups yet')).toBeVisible()
  await page.getByRole('link', { name: 'Create security group' }).first().click()
  const form = page.getByRole('dialog', { name: 'Create security group' })
  await form.getByRole('textbox', { name: 'Name' }).fill('echo')
  await form.getByRole('textbox', { name: /Pods with labels/ }).fill('app=echo')
  await form.getByRole('button', { name: 'Create security group' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Rules of echo' })).toBeVisible()

  await test.step('a group without rules cuts the open connection', async () => {
    await expect.poll(() => growth(tenant, client), { timeout: 30_000 }).toBe(0)
  })
  await test.step('errors stand at their fields', async () => {
    await page.getByRole('button', { name: 'Add ingress rule' }).click()
    const rule = page.getByRole('group', { name: 'Rule 0' })
    await rule.getByRole('textbox', { name: 'Ports' }).fill('9000, http')
    await rule.getByRole('combobox', { name: 'From' }).selectOption('Group')
    await page.getByRole('button', { name: 'Save rules' }).click()
    await expect(rule.getByRole('textbox', { name: 'Ports' })).toHaveAttribute('aria-invalid', 'true')
    await expect(rule.getByText('“http” is no port')).toBeVisible()
    await analyzeInBothThemes(page, 'rules with errors')
    await rule.getByRole('textbox', { name: 'Ports' }).fill('9000')
    await rule.getByRole('combobox', { name: 'Group' }).fill('nothing')
    await page.getByRole('button', { name: 'Save rules' }).click()
    await expect(rule.getByText('The security group "nothing" does not exist')).toBeVisible()
  })
  await test.step('what the rules would do is said before, and done at once', async () => {
    const rule = page.getByRole('group', { name: 'Rule 0' })
    await rule.getByRole('combobox', { name: 'From' }).selectOption('Subnet')
    await rule.getByRole('textbox', { name: 'Subnet' }).fill('10.244.0.0/16')
    await expect(page.getByText(/Lets through TCP 9000 from client to echo/)).toBeVisible()
    await analyzeInBothThemes(page, 'rules with what they would change')
    await rule.getByRole('button', { name: 'Duplicate rule 0' }).click()
    await page.getByRole('group', { name: 'Rule 1' }).getByRole('combobox', { name: 'Protocol' }).selectOption('ICMP')
    await page.getByRole('group', { name: 'Rule 1' }).getByRole('combobox', { name: 'Types' }).fill('echo-request')
    await page.getByRole('button', { name: 'Save rules' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'echo' })).toBeVisible()
    await expect(page.getByRole('table', { name: 'Rules' })).toContainText('echo-request')
    await expect(page.getByRole('table', { name: 'Members' })).toContainText('echo')
    await connectAnew(tenant, client)
    await expect.poll(() => growth(tenant, client), { timeout: 60_000 }).toBeGreaterThan(0)
    expect(await runIn(tenant, client, 'ping', '-c', '3', '-W', '10', echo.status.podIP ?? '')).toMatchObject({ exitCode: 0 })
  })
  await test.step('a rule taken away cuts what is open', async () => {
    await page.getByRole('link', { name: 'Edit rules' }).first().click()
    await page.getByRole('button', { name: 'Remove rule 0' }).click()
    await expect(page.getByText(/Cuts off TCP 9000 from client to echo/)).toBeVisible()
    await page.getByRole('button', { name: 'Save rules' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'echo' })).toBeVisible()
    await expect.poll(() => growth(tenant, client), { timeout: 30_000 }).toBe(0)
  })
  await test.step('deleted, the network is as open as before', async () => {
    await page.getByRole('button', { name: 'Delete security group' }).click()
    const dialog = page.getByRole('alertdialog')
    await expect(dialog).toContainText('1 pod loses its rules at once')
    await dialog.getByRole('button', { name: 'Delete security group' }).click()
    await expect(page.getByText('No security groups yet')).toBeVisible()
    await connectAnew(tenant, client)
    await expect.poll(() => growth(tenant, client), { timeout: 60_000 }).toBeGreaterThan(0)
  })
})
