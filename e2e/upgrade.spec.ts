import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { run } from '@/platform/exec'
import { lockHolder } from '@/tools/process/file-lock.mjs'
import { isAlive } from '@/tools/process/liveness.mjs'
import { startInstallation } from '@/tools/test/installation.mjs'
import { connectToDatabase } from './fixtures/database'
import { hostTag, installation } from './fixtures/installation'
import { createPod, deleteAllPods, runIn, runPod, waitForPod, waitUntilRunning } from './fixtures/pods'
import { newTenant, signInByRequest } from './fixtures/accounts'
import { expect, test } from './fixtures/test'
import { ownProcesses } from './soak/balance'
import { postgresPid } from './soak/faults'
import { machinesOf } from './soak/machines'

/** What the installation of the previous commit runs with; npm test -- upgrade has started it. */
const settings = z.record(z.string(), z.string()).parse(JSON.parse(process.env.HYPERNETES_E2E_UPGRADE ?? '{}'))
const beats = '/tmp/beats'
/** Writes the VM's own time five times a second: a VM that stood still shows a gap, one that began anew lost what was there. */
const beating = `while :; do cut -d ' ' -f 1 /proc/uptime >> ${beats}; sleep 0.2; done`
const LONGEST_GAP_S = 3

const startCurrent = (...args: string[]) => startInstallation(settings, { logFile: process.env.HYPERNETES_E2E_LOG ?? '', args, flags: 'a' })
const supervisor = () => lockHolder(join(installation.data, 'supervisor', 'lock'))

test('pods run on while a new build takes the place of the previous one, and when the supervisor is killed', async ({ page }) => {
  test.setTimeout(400_000)
  // Not the fixture's, which would be tidied up after this test has stopped the installation.
  const tenant = await newTenant()
  const pod = await runPod(tenant, { name: 'beating', container: { command: ['sh', '-c', beating] } })
  const other = await runPod(tenant, { name: 'other' })
  const machines = [machinesOf(pod.metadata.uid), machinesOf(other.metadata.uid)]
  for (const machine of machines) expect(machine).toHaveLength(1)
  const expectTheSame = async () => {
    const answers = async () => (await runIn(tenant, pod.metadata, 'hostname').catch(() => null))?.stdout.trim() ?? ''
    await expect.poll(answers, { timeout: 60_000, intervals: [250] }).toBe('beating')
    expect([machinesOf(pod.metadata.uid), machinesOf(other.metadata.uid)]).toEqual(machines)
    for (const { metadata, status } of [pod, other]) {
      const now = await waitForPod(tenant, metadata, (each) => each.status.phase === 'Running')
      expect(now.status.containers).toMatchObject([{ state: 'Running', restartCount: 0, startedAt: status.containers[0]?.startedAt }])
    }
    const { stdout } = await runIn(tenant, pod.metadata, 'cat', beats)
    const times = stdout.trim().split('\n').map(Number)
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(0)
    expect(Math.max(...gaps)).toBeLessThan(LONGEST_GAP_S)
    return times.length
  }
  const beatsBefore = await expectTheSame()

  const previous = supervisor()
  let current = await startCurrent('--upgrade')
  try {
    await test.step('this build runs in its place, on a database of its own shape', async () => {
      expect(isAlive(previous ?? 0)).toBe(false)
      expect(supervisor()).toBe(current.child.pid)
      expect(await appliedMigrations()).toEqual(readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort())
    })
    await test.step('its pods are the same', async () => expect(await expectTheSame()).toBeGreaterThan(beatsBefore))
    await test.step('the console shows them, a new pod starts, and one is deleted', async () => {
      await signInByRequest(page.context(), tenant.person)
      await page.goto(`/t/${tenant.slug}/pods`)
      await expect(page.getByRole('link', { name: 'beating', exact: true })).toBeVisible()
      await waitUntilRunning(tenant, await createPod(tenant, { name: 'after' }))
      await tenant.api.pod.delete.mutate({ tenant: tenant.slug, namespace: 'default', name: 'after', graceSeconds: 1 })
      await expect.poll(() => tenant.api.pod.get.query({ tenant: tenant.slug, namespace: 'default', name: 'after' }).then(() => 'there', () => 'gone'), { timeout: 60_000 }).toBe('gone')
    })
    await test.step('a second start says that one runs', async () => {
      await expect(startCurrent()).rejects.toThrow(/Hypernetes already runs on .* \(process \d+\).*npm start -- --upgrade/)
    })
    await test.step('when the supervisor is killed all that it started ends, but for the pods; the next start takes them over', async () => {
      process.kill(current.child.pid ?? 0, 'SIGKILL')
      await current.ended
      await expect.poll(() => [ownProcesses(), postgresPid()], { timeout: 45_000 }).toEqual([0, undefined])
      expect([machinesOf(pod.metadata.uid), machinesOf(other.metadata.uid)]).toEqual(machines)
      current = await startCurrent()
      await expectTheSame()
    })
    await test.step('a start at once after such an end waits for what is about to leave', async () => {
      process.kill(current.child.pid ?? 0, 'SIGKILL')
      current = await startCurrent()
      await expectTheSame()
    })
    await deleteAllPods(tenant)
    await test.step('a stop leaves nothing of a pod that is exposed: no process, namespace or link', async () => {
      const { results } = await tenant.api['manifest.apply'].mutate({ tenant: tenant.slug, yaml: exposed })
      expect(results.flatMap(({ problems }) => problems)).toEqual([])
      await waitUntilRunning(tenant, { namespace: 'default', name: 'exposed' })
      const addresses = async () => (await tenant.api.floatingAddress.list.query({ tenant: tenant.slug })).items
      await expect.poll(async () => (await addresses()).map(({ status }) => status.phase), { timeout: 60_000 }).toEqual(['Active'])
      const [{ status } = { status: { address: '' } }] = await addresses()
      await expect.poll(() => run('curl', ['-s', '--max-time', '2', `http://${status.address}/`]).then(({ stdout }) => stdout.trim(), () => ''), { timeout: 60_000 }).toBe('exposed')
      expect((await outsideTraces()).length).toBeGreaterThan(2)
      await current.stop()
      expect(await outsideTraces()).toEqual([])
    })
  } finally {
    await current.stop()
  }
})

/** A pod that answers, and a service that exposes it. */
const exposed = `
apiVersion: v1
kind: Pod
metadata: {name: exposed, labels: {app: exposed}}
spec:
  containers:
    - name: main
      image: hypernetes/sample:latest
      command: [sh, -c, 'mkdir -p /tmp/www && echo exposed > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www']
      ports: [{name: http, containerPort: 8080}]
      readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: exposed}
spec: {type: LoadBalancer, selector: {app: exposed}, ports: [{port: 80, targetPort: 8080}]}
`

/** Namespaces of this installation's host, links into its bridge of the outside, and what holds HAProxies. */
async function outsideTraces(): Promise<string[]> {
  const tag = hostTag()
  const namespaces = (await run('ip', ['netns', 'list'])).stdout.split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => name.startsWith(`hyp-${tag}-`) || name.startsWith(`hypb-${tag}-`))
  const links = (await run('ip', ['-o', 'link', 'show'])).stdout.split('\n').map((line) => line.split(': ')[1] ?? '').filter((name) => name.startsWith(`hx${tag}-`))
  const jails = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => commandOf(pid).includes(join(installation.data, 'host', 'balancers')))
  return [...namespaces, ...links, ...jails]
}

function commandOf(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
  } catch {
    return ''
  }
}

async function appliedMigrations(): Promise<string[]> {
  const client = await connectToDatabase()
  try {
    return (await client.query<{ migration_name: string }>('select migration_name from _prisma_migrations where finished_at is not null order by 1')).rows.map((row) => row.migration_name)
  } finally {
    await client.end()
  }
}
