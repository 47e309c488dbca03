import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { jailedProcesses } from '@/host/images/jail/testing/jailed-processes'
import { run } from '@/platform/exec'
import { lockHolder } from '@/tools/process/file-lock.mjs'
import { isAlive } from '@/tools/process/liveness.mjs'
import { startInstallation } from '@/tools/test/installation.mjs'
import { connectToDatabase } from './fixtures/database'
import { hostTag, installation } from './fixtures/installation'
import { createPod, runIn, runPod, waitForPod, waitUntilRunning } from './fixtures/pods'
import { newTenant, signInByRequest } from './fixtures/accounts'
import { takeServiceTraces } from './fixtures/service-traces'
import { expect, test } from './fixtures/test'
import { ownProcesses } from './soak/balance'
import { expectServed, startExposed } from './soak/exposed'
import { postgresPid } from './soak/faults'
import { machinesOf } from './soak/machines'
import { Stream } from './soak/stream'

/** What the installation of the previous commit runs with; npm test -- upgrade has started it. */
const settings = z.record(z.string(), z.string()).parse(JSON.parse(process.env.HYPERNETES_E2E_UPGRADE ?? '{}'))
const beats = '/tmp/beats'
const questions = '/tmp/questions'
/** Asks the network's resolver twice a second, and writes down what came of it. */
const asking = `while :; do if nslookup -type=a exposed.default.svc.cluster.local >/dev/null 2>&1; then echo answered >> ${questions}; else echo failed >> ${questions}; fi; sleep 0.5; done`
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
  const exposed = await startExposed(tenant, new Stream(tenant), 'exposed')
  const other = await runPod(tenant, { name: 'other', container: { command: ['sh', '-c', asking] } })
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
    await expectServed(exposed)
    return times.length
  }
  const beatsBefore = await expectTheSame()
  let asked: { done: number; errors: string[] } | undefined

  // The first question may have come before the resolver.
  await runIn(tenant, other.metadata, 'sh', '-c', `until nslookup -type=a exposed.default.svc.cluster.local >/dev/null 2>&1; do sleep 0.2; done; rm -f ${questions}`)
  const client = askAgainAndAgain(exposed.address)
  const previous = supervisor()
  let current = await startCurrent('--upgrade').finally(async () => void (asked = await client.stop()))
  try {
    await test.step('this build runs in its place, on a database of its own shape', async () => {
      expect(isAlive(previous ?? 0)).toBe(false)
      expect(supervisor()).toBe(current.child.pid)
      expect(await appliedMigrations()).toEqual(readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort())
    })
    await test.step('its pods are the same', async () => expect(await expectTheSame()).toBeGreaterThan(beatsBefore))
    await test.step('meanwhile every request from outside and every question of a pod was answered', async () => {
      expect(asked?.errors).toEqual([])
      expect(asked?.done).toBeGreaterThan(10)
      const { stdout } = await runIn(tenant, other.metadata, 'cat', questions)
      expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['answered']))
    })
    const namesBefore = await resolvers()
    expect(namesBefore.length).toBeGreaterThan(0)
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
      expect(await resolvers()).toEqual(namesBefore)
    })
    await test.step('a start at once after such an end waits for what is about to leave', async () => {
      process.kill(current.child.pid ?? 0, 'SIGKILL')
      current = await startCurrent()
      await expectTheSame()
    })
    await test.step('a stop leaves nothing of a pod that is exposed: no process, namespace or link', async () => {
      expect((await outsideTraces()).length).toBeGreaterThan(2)
      await current.stop()
      expect(await outsideTraces()).toEqual([])
    })
  } finally {
    await current.stop()
  }
})

/** Namespaces of this installation's host, links into its bridge of the outside, and what runs in jails. */
async function outsideTraces(): Promise<string[]> {
  const { namespaces, links, processes } = await takeServiceTraces()
  return [...namespaces, ...links, ...processes]
}

/** The processes of the resolvers. */
const resolvers = async () => (await jailedProcesses(join(installation.data, 'host'), hostTag())).flatMap(({ pid, program }) => (program === 'dnsmasq' ? [pid] : [])).sort()

/** Asks an address five times a second, by a connection of its own each time, until it is told to stop; how often, and what went wrong. */
function askAgainAndAgain(address: string): { stop: () => Promise<{ done: number; errors: string[] }> } {
  const seen = { done: 0, errors: [] as string[] }
  const over = new AbortController()
  const loop = async () => {
    for (; !over.signal.aborted; await delay(200)) {
      await run('curl', ['-sSf', '--max-time', '20', '-o', '/dev/null', `http://${address}/`]).then(() => (seen.done += 1), (error: unknown) => seen.errors.push(String(error)))
    }
  }
  const ended = loop()
  return { stop: async () => {
    over.abort()
    await ended
    return seen
  } }
}

async function appliedMigrations(): Promise<string[]> {
  const client = await connectToDatabase()
  try {
    return (await client.query<{ migration_name: string }>('select migration_name from _prisma_migrations where finished_at is not null order by 1')).rows.map((row) => row.migration_name)
  } finally {
    await client.end()
  }
}
