import { once } from 'node:events'
import { Client } from 'pg'
import { pushDebianImage } from '@/host/images/testing/debian/push'
import { nginx, postgres } from '@/host/images/testing/debian/recipes'
import { waitForPod } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import { startTool } from './fixtures/tools'

/** Packages are fetched and images made at the first run on a machine. */
const FIRST_RUN_MS = 420_000
const START_MS = 240_000

test('nginx as Debian has it is opened in the browser, once its probe says that it serves', async ({ console: page, tenant, registry }) => {
  test.setTimeout(FIRST_RUN_MS)
  const image = await pushDebianImage(registry.host, 'debian/nginx:1', nginx)
  const spec = { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 80 }], readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1, timeoutSeconds: 10 } }] }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'web', spec })
  await waitForPod(tenant, { namespace: 'default', name: 'web' }, ({ status }) => status.containers.some((each) => each.ready), START_MS)

  await page.goto(`/t/${tenant.slug}/pods/default/web/ports`)
  const popup = page.waitForEvent('popup')
  await page.getByRole('button', { name: 'Open port 80 in this browser' }).click()
  const tab = await popup
  await expect(tab.getByRole('heading', { name: 'Welcome to nginx!' })).toBeVisible({ timeout: 30_000 })
  await tab.close()
  await page.getByRole('link', { name: 'Logs', exact: true }).click()
  // Its access log is a link to the container's output, as in nginx's own images.
  await expect(page.getByRole('log')).toContainText(/GET \/ HTTP\/1\.[01]" 200/)
})

test('PostgreSQL as Debian has it takes its password from a Secret and answers a client on one’s own machine', async ({ tenant, registry }) => {
  test.setTimeout(FIRST_RUN_MS)
  const image = await pushDebianImage(registry.host, 'debian/postgres:1', postgres)
  await tenant.api.secret.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'database', stringData: { password: 'analytical' } })
  const spec = {
    terminationGracePeriodSeconds: 10,
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [{
      name: 'db',
      image,
      resources: { limits: { memory: '256Mi' } },
      env: [{ name: 'POSTGRES_PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } }, { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' }],
      volumeMounts: [{ name: 'data', mountPath: '/var/lib/postgresql/data' }],
      startupProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1, failureThreshold: 200 },
    }],
  }
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'db', spec })
  await waitForPod(tenant, { namespace: 'default', name: 'db' }, ({ status }) => status.containers.some((each) => each.ready), START_MS)

  const tool = startTool(tenant, '/', 'forward', 'default/db', ':5432')
  try {
    let out = ''
    tool.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    await expect.poll(() => out).toContain('Ctrl-C ends it.')
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(out)?.[1])
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', password: 'analytical', database: 'postgres' })
    await client.connect()
    const { rows } = await client.query<{ sum: string }>('select sum(n) from generate_series(1, 100000) n')
    expect(rows).toEqual([{ sum: '5000050000' }])
    await client.end()
    const stranger = new Client({ host: '127.0.0.1', port, user: 'postgres', password: 'wrong', database: 'postgres' })
    await expect(stranger.connect()).rejects.toThrow('password authentication failed')
  } finally {
    const ended = once(tool, 'close')
    tool.kill('SIGINT')
    await ended
  }
})
