import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, expect, type Browser, type Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { browserPath } from '@/tools/testing/browser'
import { signInByRequest, type Person, type Tenant } from '../fixtures/accounts'
import { openApi } from '../fixtures/api'
import { installation } from '../fixtures/installation'
import { createPod, deleteAllPods, runIn, waitForPod, waitUntilRunning } from '../fixtures/pods'
import { startJourneyRegistry, type JourneyRegistry } from '../fixtures/registry'

/**
 * Takes the pictures of the README from an installation that runs (see installation.ts for how it is named) into
 * docs/screenshots. The installation should be a new one: its operator's pages are shown as they are.
 */
const folder = join(import.meta.dirname, '../../docs/screenshots')
const person: Person = { name: 'Ada Lovelace', email: 'ada@engines.example', organization: 'Analytical Engines', password: 'punched cards' }

type Theme = 'light' | 'dark'
type Shot = { page: Page; save: (name: string) => Promise<void> }

/** A browser's page of a theme and a size, and how to save what it shows. */
async function openPage(browser: Browser, theme: Theme, who: { email: string; password: string } | null, size = { width: 1280, height: 800 }): Promise<Shot> {
  const context = await browser.newContext({ baseURL: installation.url, viewport: size, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' })
  await context.addCookies([{ name: 'theme', value: theme, url: installation.url }])
  if (who) await signInByRequest(context, who)
  const page = await context.newPage()
  return {
    page,
    save: async (name) => {
      await page.evaluate(async () => {
        await document.fonts.ready
        await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})))
      })
      const bytes = await page.screenshot({ path: join(folder, `${name}.png`) })
      console.log(`${name}.png  ${Math.round(bytes.length / 1024)} kB`)
    },
  }
}

async function makeTenant(): Promise<Tenant> {
  const { tenant } = await openApi().account.signUp.mutate(person)
  const { token } = await openApi().token.issue.mutate({ email: person.email, password: person.password, name: 'deploy from CI', expiresInDays: 90 })
  return { person, slug: tenant.slug, id: tenant.id, api: openApi(token), token }
}

/** Networks, namespaces, and pods in several states. */
async function furnish(tenant: Tenant, registry: JourneyRegistry): Promise<void> {
  const { api, slug } = tenant
  await registry.pushBusybox('shop/orders:2.4', { cmd: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo "order $i accepted, total $((i * 7 % 90 + 5)).50"; [ $((i % 6)) = 0 ] && echo "payment gateway slow: retrying" >&2; sleep 0.3; done'] })
  await api.network.create.mutate({ tenant: slug, name: 'backend', spec: { subnets: { pods: { cidr: '10.20.0.0/24' } }, outbound: 'none' } })
  await api.network.create.mutate({ tenant: slug, name: 'staging', spec: { subnets: { pods: { cidr: '192.168.0.0/24' } } } })
  await api.namespace.create.mutate({ tenant: slug, name: 'orders', network: 'backend' })
  await api.namespace.create.mutate({ tenant: slug, name: 'staging', network: 'staging' })
  await api.secret.create.mutate({ tenant: slug, namespace: 'orders', name: 'payment-gateway', type: 'Opaque', data: { API_KEY: Buffer.from('not a real one').toString('base64') } })
  await api.secret.create.mutate({ tenant: slug, namespace: 'default', name: 'registry-login', type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'registry.example.com': { username: 'ci', password: 'x' } } })).toString('base64') } })
  await furnishShop(tenant)
  const running = [
    ...shopPods.map((name) => ({ namespace: 'shop', name })),
    await createPod(tenant, { name: 'web' }),
    await createPod(tenant, { name: 'orders', namespace: 'orders', container: { name: 'orders', image: `${registry.host}/shop/orders:2.4` } }),
    await createPod(tenant, { name: 'web', namespace: 'staging' }),
  ]
  await createPod(tenant, { name: 'migrate', namespace: 'orders', restartPolicy: 'Never', container: { command: ['true'] } })
  await createPod(tenant, { name: 'worker', container: { command: ['sh', '-c', 'echo "QUEUE_URL is not set" >&2; exit 3'] } })
  await createPod(tenant, { name: 'reports', container: { image: `${registry.host}/shop/reports:1.0` } })
  await api.pod.create.mutate({ tenant: slug, namespace: 'staging', name: 'training', spec: { containers: [{ name: 'main', image: sampleImage, resources: { limits: { memory: '512Gi' } } }] } })
  for (const pod of running) await waitUntilRunning(tenant, pod)
  await waitForPod(tenant, { namespace: 'orders', name: 'migrate' }, (pod) => pod.status.phase === 'Succeeded')
  await waitForPod(tenant, { namespace: 'default', name: 'worker' }, (pod) => pod.status.containers[0]?.reason === 'CrashLoopBackOff')
  await furnishVolumes(tenant)
  // Some lines of log.
  await expect.poll(async () => (await api.pod.logs.query({ tenant: slug, namespace: 'orders', name: 'orders' })).lines.length, { timeout: 60_000 }).toBeGreaterThan(30)
}

const shopPods = ['web-1', 'web-2', 'orders-1']

/** A network with both families, services, a peer and a route, and the pods behind it. */
async function furnishShop({ api, slug }: Tenant): Promise<void> {
  await api.network.create.mutate({ tenant: slug, name: 'shop', spec: { subnets: { pods: { cidr: '10.40.0.0/24' }, 'pods-v6': { cidr: 'fd00:40::/64' } }, routes: [{ destination: '10.99.0.0/16', via: '10.40.0.2' }] } })
  await api.namespace.create.mutate({ tenant: slug, name: 'shop', network: 'shop' })
  await api.networkPeering.create.mutate({ tenant: slug, name: 'shop-to-backend', spec: { network: 'shop', peer: { network: 'backend' } } })
  for (const app of ['web', 'orders']) await api.service.create.mutate({ tenant: slug, namespace: 'shop', name: app, spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } })
  await api.service.create.mutate({ tenant: slug, namespace: 'shop', name: 'search', spec: { selector: { app: 'search' }, ports: [{ port: 9200 }] } })
  for (const name of shopPods) await api.pod.create.mutate({ tenant: slug, namespace: 'shop', name, labels: { app: name.replace(/-\d+$/, '') }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: sampleImage, ports: [{ containerPort: 8080 }] }] } })
}

/** Volumes of a database, with snapshots, a clone and a schedule. */
async function furnishVolumes(tenant: Tenant): Promise<void> {
  const { api, slug } = tenant
  await api.volume.create.mutate({ tenant: slug, name: 'ledger', spec: { size: '20Gi', limits: { iops: 2000, bytesPerSecond: '200Mi' } } })
  await api.volume.create.mutate({ tenant: slug, name: 'archive', spec: { size: '100Gi' } })
  const pod = { namespace: 'orders', name: 'ledger' }
  await api.pod.create.mutate({ tenant: slug, ...pod, spec: { terminationGracePeriodSeconds: 1, volumes: [{ name: 'data', cinder: { volumeID: 'ledger' } }], containers: [{ name: 'main', image: sampleImage, volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } })
  await waitUntilRunning(tenant, pod)
  for (const name of ['ledger-before-migration', 'ledger-after-migration', 'ledger-audited']) {
    await runIn(tenant, pod, 'sh', '-c', `dd if=/dev/urandom of=/data/${name} bs=1M count=40 && sync`)
    await api.volumeSnapshot.create.mutate({ tenant: slug, name, spec: { source: { volumeName: 'ledger' } } })
    await expect.poll(async () => (await api.volumeSnapshot.get.query({ tenant: slug, name })).status.phase, { timeout: 60_000 }).toBe('Ready')
    await new Promise((resolve) => setTimeout(resolve, 15_000))
  }
  await api.volume.create.mutate({ tenant: slug, name: 'ledger-staging', spec: { size: '20Gi', source: { kind: 'Snapshot', name: 'ledger-after-migration' } } })
  await api.snapshotSchedule.create.mutate({ tenant: slug, name: 'ledger-nightly', spec: { volumes: { names: ['ledger'] }, every: '1d', keep: { daily: 7, weekly: 4 } } })
  await expect.poll(async () => (await api.volume.get.query({ tenant: slug, name: 'ledger-staging' })).status.phase, { timeout: 60_000 }).toBe('Available')
}

async function takeTenantPictures({ page, save }: Shot, tenant: Tenant, theme: Theme): Promise<void> {
  const at = (path: string) => page.goto(`/t/${tenant.slug}/${path}`)
  await at('pods')
  await page.getByText('Live', { exact: true }).waitFor()
  await save(`pods-${theme}`)
  await at('pods/orders/orders')
  await page.getByText('from the accepted request to the first process').waitFor()
  await page.getByText('VMStarted').first().waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await save(`pod-${theme}`)
  if (theme === 'light') return
  await at('pods/new')
  await page.getByRole('combobox', { name: 'Image' }).waitFor()
  await save('create-form')
  await at('pods/new?as=yaml')
  await page.getByRole('textbox', { name: 'Manifest' }).waitFor()
  await save('create-yaml')
  await at('pods/orders/orders/terminal')
  await page.getByText('Connected').waitFor()
  for (const command of ['uname -a', 'head -2 /proc/meminfo', 'ps', 'ip -4 addr show eth0']) {
    await page.keyboard.type(`${command}\n`)
    await page.locator('.xterm-rows').getByText(command.slice(0, 8)).first().waitFor()
  }
  await page.locator('.xterm-rows').getByText('10.20.0.').first().waitFor()
  await save('terminal')
  await at('pods/orders/orders/logs')
  await page.getByRole('log').getByText(/order \d+ accepted/).first().waitFor()
  await save('logs')
  await at('networks')
  await page.getByRole('row', { name: /backend/ }).waitFor()
  await save('networks')
  await at('networks/shop/topology')
  await page.getByRole('application').getByRole('link', { name: /^Pod web-2/ }).waitFor()
  await save('topology')
  await at('services/shop/web')
  await page.getByRole('table', { name: 'Endpoints' }).getByRole('row', { name: /web-2/ }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await save('service')
  await at('volumes/ledger')
  await page.getByRole('meter', { name: 'Use of ledger' }).waitFor()
  await page.getByRole('table', { name: 'Pods that have this volume' }).getByText('Attached').waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await save('volume')
  await at('volumes/ledger/snapshots')
  await page.getByRole('row', { name: /ledger-audited/ }).waitFor()
  await page.getByRole('table', { name: 'Schedules that take snapshots of this volume' }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await save('volume-snapshots')
  await at('pods/default/worker')
  await page.getByRole('region', { name: 'How container main ended' }).waitFor()
  await save('crash')
  await at('pods/orders/orders/files?path=/etc')
  await page.getByRole('row', { name: /hostname/ }).first().waitFor()
  await save('files')
  await at('secrets')
  await page.getByRole('row', { name: /registry/ }).waitFor()
  await save('secrets')
  await at('pods/orders/orders/figures')
  await page.getByRole('region', { name: /^CPU/ }).getByText('VM overhead').waitFor()
  await save('figures')
  await at('starts')
  await page.getByRole('row', { name: /orders/ }).first().waitFor()
  await save('starts')
}

async function takeOperatorPictures({ page, save }: Shot): Promise<void> {
  await page.goto('/system/hosts')
  await page.getByRole('row').getByRole('link').first().click()
  await page.getByText('Capacity').waitFor()
  await save('host')
}

await mkdir(folder, { recursive: true })
const browser = await chromium.launch({ executablePath: browserPath(), chromiumSandbox: false })
const registry = await startJourneyRegistry()
const tenant = await makeTenant()
try {
  await furnish(tenant, registry)
  for (const theme of ['dark', 'light'] as const) {
    const visitor = await openPage(browser, theme, null)
    await visitor.page.goto('/')
    await visitor.save(`landing-${theme}`)
    if (theme === 'dark') {
      await visitor.page.goto('/sign-up')
      await visitor.save('sign-up')
    }
    await takeTenantPictures(await openPage(browser, theme, person), tenant, theme)
  }
  await takeOperatorPictures(await openPage(browser, 'dark', installation.operator))
  const narrow = await openPage(browser, 'dark', person, { width: 390, height: 844 })
  await narrow.page.goto(`/t/${tenant.slug}/pods`)
  await narrow.page.getByText('Live', { exact: true }).waitFor()
  await narrow.save('pods-narrow')
} finally {
  await browser.close()
  await deleteAllPods(tenant)
  await registry.stop()
}
