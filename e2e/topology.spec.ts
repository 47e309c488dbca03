import { sampleImage } from '@/domain/image/sample'
import { analyzeInBothThemes } from './fixtures/axe'
import { waitUntilRunning } from './fixtures/pods'
import { expect, test } from './fixtures/test'

test('a network is drawn: outside, subnets, pods, services and peers, live and by keyboard', async ({ console: page, tenant }) => {
  const { api, slug } = tenant
  await api.network.create.mutate({ tenant: slug, name: 'shop', spec: { subnets: { pods: { cidr: '10.20.0.0/24' }, six: { cidr: 'fd00:20::/64' } }, outbound: 'none', routes: [{ destination: '10.99.0.0/16', via: '10.20.0.77' }] } })
  await api.network.create.mutate({ tenant: slug, name: 'data', spec: { subnets: { pods: { cidr: '10.30.0.0/24' } } } })
  await api.namespace.create.mutate({ tenant: slug, name: 'shop', network: 'shop' })
  await api.networkPeering.create.mutate({ tenant: slug, name: 'shop-data', spec: { network: 'shop', peer: { network: 'data' } } })
  await api.service.create.mutate({ tenant: slug, namespace: 'shop', name: 'web', spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })

  await page.goto(`/t/${slug}/networks/shop`)
  await page.getByRole('link', { name: 'Topology' }).click()
  const drawing = page.getByRole('application', { name: 'Topology of network shop' })
  await expect(drawing.getByRole('group', { name: 'Network shop' })).toBeVisible()
  await expect(drawing.getByRole('group', { name: 'Outside: Closed both ways' })).toBeVisible()
  await expect(drawing.getByRole('link', { name: /^Peer network data/ })).toBeVisible()
  await expect(drawing.getByRole('group', { name: /Route to 10\.99\.0\.0\/16, via 10\.20\.0\.77, which no pod holds/ })).toBeVisible()
  await expect(drawing.getByRole('link', { name: /^Service web in shop, .* 0 pods/ })).toBeVisible()

  await test.step('a pod comes and gets ready without a reload', async () => {
    const pod = await api.pod.create.mutate({ tenant: slug, namespace: 'shop', name: 'web-1', labels: { app: 'web' }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: sampleImage }] } })
    await expect(drawing.getByRole('link', { name: /^Pod web-1 in shop/ })).toBeVisible()
    const { status } = await waitUntilRunning(tenant, pod.metadata)
    await expect(drawing.getByRole('link', { name: `Pod web-1 in shop, Running, ${status.podIPs.join(' and ')}, of service web` })).toBeVisible()
    await expect(drawing.getByRole('link', { name: /^Service web in shop, .* 1 pod$/ })).toBeVisible()
    await expect(drawing.getByRole('img', { name: /^Pod web-1 .* – Service web/ })).toBeAttached()
  })

  await test.step('both themes, by axe', () => analyzeInBothThemes(page, 'topology'))

  await test.step('every node is reached by Tab, and Enter opens it', async () => {
    await page.getByRole('radio', { name: 'Drawing' }).focus()
    const reached: string[] = []
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Tab')
      reached.push(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? ''))
    }
    expect(reached).toEqual([expect.stringMatching(/^Peer network data/), expect.stringMatching(/^Pod web-1/), expect.stringMatching(/^Service web/), 'Zoom in', 'Zoom out', 'Show everything', expect.anything(), expect.anything()])
    await drawing.getByRole('link', { name: /^Pod web-1/ }).focus()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { name: 'web-1', level: 1 })).toBeVisible()
  })

  await test.step('the same as tables', async () => {
    await page.goto(`/t/${slug}/networks/shop/topology`)
    await page.getByText('Table', { exact: true }).click()
    await expect(page).toHaveURL(/as=table/)
    await expect(page.getByRole('table', { name: 'Pods' }).getByRole('row', { name: /web-1/ })).toContainText('web')
    await expect(page.getByRole('table', { name: 'Outside and peers' })).toContainText('Closed both ways')
    await analyzeInBothThemes(page, 'topology as tables')
  })
})
