import { createPod, runIn, waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import type { Tenant } from './fixtures/accounts'

const cidr = '192.168.0.0/24'

/** A namespace of the tenant whose pods are in a network with the CIDR that both tenants use. */
async function giveNetwork({ api, slug }: Tenant): Promise<void> {
  await api.network.create.mutate({ tenant: slug, name: 'net1', spec: { subnets: { subnet1: { cidr } } } })
  await api.namespace.create.mutate({ tenant: slug, name: 'ns1', network: 'net1' })
}

/** A pod that serves its own name on port 8080. */
const serve = (tenant: Tenant, name: string, image: string) =>
  createPod(tenant, { name, namespace: 'ns1', container: { image, command: ['sh', '-c', `mkdir -p /tmp/www && echo ${tenant.slug}/${name} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`] } })

test('pods of one network reach each other; another tenant’s with the same CIDR do not', async ({ makeTenant, registry }) => {
  // As root, for ping.
  await registry.pushBusybox('net/tools:1')
  const image = `${registry.host}/net/tools:1`
  const [ours, theirs] = [await makeTenant(), await makeTenant()]
  for (const tenant of [ours, theirs]) await giveNetwork(tenant)
  const first = await waitUntilRunning(ours, await serve(ours, 'first', image))
  const second = await waitUntilRunning(ours, await serve(ours, 'second', image))
  const stranger = await waitUntilRunning(theirs, await serve(theirs, 'stranger', image))
  const at = (pod: typeof first) => pod.status.podIP ?? ''
  const servedName = async (tenant: Tenant, from: typeof first, address: string) => /^\S+\/(first|second|stranger)$/m.exec((await ask(tenant, from, address)).stdout)?.[0] ?? ''
  const ask = (tenant: Tenant, from: typeof first, address: string) => runIn(tenant, from.metadata, 'sh', '-c', `echo 'GET / HTTP/1.0' | nc -w 10 ${address} 8080`)

  // Overlapping for real: both hold the same address.
  expect(at(stranger)).toBe(at(first))
  expect(at(second)).toMatch(/^192\.168\.0\.\d+$/)

  await test.step('inside one network', async () => {
    expect(await runIn(ours, first.metadata, 'ping', '-c', '3', '-W', '10', at(second))).toMatchObject({ exitCode: 0 })
    // httpd begins a moment after its container.
    await expect.poll(() => servedName(ours, first, at(second)), { timeout: 60_000 }).toBe(`${ours.slug}/second`)
    await expect.poll(() => servedName(ours, second, at(first)), { timeout: 60_000 }).toBe(`${ours.slug}/first`)
  })

  await test.step('between tenants', async () => {
    const gateway = await runIn(theirs, stranger.metadata, 'ping', '-c', '3', '-W', '10', '192.168.0.1')
    expect(gateway, 'its own gateway answers').toMatchObject({ exitCode: 0 })
    expect(await runIn(theirs, stranger.metadata, 'ping', '-c', '2', '-W', '2', at(second))).toMatchObject({ exitCode: 1 })
    expect((await ask(theirs, stranger, at(second))).exitCode).not.toBe(0)
    await expect.poll(() => servedName(theirs, stranger, at(first)), { timeout: 60_000, message: 'its own pod, not ours' }).toBe(`${theirs.slug}/stranger`)
  })
})

test('a network is made in the console, and its outbound connections are switched', async ({ console: page, tenant }) => {
  await page.goto(`/t/${tenant.slug}/networks`)
  await expect(page.getByRole('row', { name: /default/ })).toContainText('NAT')
  await page.getByRole('link', { name: 'Create network' }).first().click()
  const form = page.getByRole('dialog', { name: 'Create network' })
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('net1')
  const subnet = form.getByRole('textbox', { name: 'Subnet', exact: true })
  await subnet.fill('10.0.0.0/40')
  await form.getByRole('button', { name: 'Create network' }).click()
  await expect(subnet).toHaveAttribute('aria-invalid', 'true')
  await subnet.fill(cidr)
  await form.getByText('More', { exact: true }).click()
  await form.getByRole('button', { name: 'Add subnet' }).click()
  const second = form.getByRole('group', { name: 'Subnet 2' })
  await second.getByLabel('Name').fill('six')
  await second.getByLabel('CIDR').fill('192.168.0.128/25')
  await form.getByRole('button', { name: 'Create network' }).click()
  await expect(second.getByText(/^Overlaps subnet/)).toBeVisible()
  await second.getByLabel('CIDR').fill('fd00:7::/64')
  await form.getByRole('button', { name: 'Create network' }).click()

  await expect(page.getByRole('heading', { name: 'net1', level: 1 })).toBeVisible()
  const outbound = page.getByRole('switch', { name: 'Outbound connections' })
  await expect(outbound).toBeChecked()
  await outbound.click()
  await expect(page.getByText('Closed: pods reach each other')).toBeVisible()
  await expect(outbound).not.toBeChecked()
  await expect.poll(async () => (await tenant.api.network.get.query({ tenant: tenant.slug, name: 'net1' })).spec.outbound).toBe('none')

  await test.step('it is changed beside its page', async () => {
    await page.getByRole('link', { name: 'Edit network' }).click()
    const edit = page.getByRole('dialog', { name: 'Edit net1' })
    await edit.getByLabel('DNS domain').fill('shop.test')
    await edit.getByRole('button', { name: 'Save network' }).click()
    await expect(edit).toHaveCount(0)
    await expect(page.getByText('shop.test', { exact: true })).toBeVisible()
    await expect(page.getByRole('table', { name: 'Subnets' }).getByRole('row')).toHaveCount(3)
  })

  await test.step('it is peered with another, and parted', async () => {
    await page.getByRole('link', { name: 'Peerings', exact: true }).click()
    await page.getByRole('link', { name: 'Create peering' }).click()
    const form = page.getByRole('dialog', { name: 'Create peering' })
    await form.getByLabel('Name').fill('to-default')
    await form.getByRole('combobox', { name: 'Network' }).fill('nowhere')
    await form.getByRole('button', { name: 'Create peering' }).click()
    await expect(form.getByRole('combobox', { name: 'Network' })).toHaveAttribute('aria-invalid', 'true')
    await form.getByRole('combobox', { name: 'Network' }).fill('default')
    await form.getByRole('button', { name: 'Create peering' }).click()
    await expect(page.getByRole('row', { name: /to-default/ })).toContainText('Active')
    await page.getByRole('button', { name: 'Actions for to-default' }).click()
    await page.getByRole('menuitem', { name: 'Delete peering' }).click()
    await expect(page.getByRole('alertdialog')).toContainText('do not reach each other any more')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete peering' }).click()
    await expect(page.getByText('No peerings yet')).toBeVisible()
  })

  await page.getByRole('link', { name: 'Networks', exact: true }).first().click()
  await expect(page.getByRole('row', { name: /net1/ })).toContainText('Closed')
  await page.getByRole('button', { name: 'Actions for net1' }).click()
  await page.getByRole('menuitem', { name: 'Delete network' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete network' }).click()
  await expect(page.getByRole('row', { name: /net1/ })).toHaveCount(0)
})
