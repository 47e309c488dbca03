import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import type { Tenant } from './fixtures/accounts'
import { installation } from './fixtures/installation'
import { clients, LoadClient, type Seen } from './fixtures/load-client'
import { isRunning, waitForPod } from './fixtures/pods'
import { vmOf } from './fixtures/processes'
import { expect, test } from './fixtures/test'
import { kill, killable, untilReady } from './soak/faults'

const stateFile = z.looseObject({ process: z.looseObject({ identity: z.looseObject({ pid: z.number().int() }) }) })
const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()

/** A balancer's HAProxy as its agent wrote it down, and the worker below it; null while it is not there. */
function haproxyOf(uid: string): { master: number; worker: number } | null {
  try {
    const master = stateFile.parse(JSON.parse(readFileSync(join(installation.data, 'host', 'balancers', uid, 'state.json'), 'utf8'))).process.identity.pid
    const worker = childrenOf(master).find((pid) => nameOf(pid) === 'haproxy')
    return worker === undefined ? null : { master, worker }
  } catch {
    return null
  }
}
const balancerUids = () => readdirSync(join(installation.data, 'host', 'balancers'))

const createWeb = ({ api, slug }: Tenant, name: string) =>
  api.pod.create.mutate({
    tenant: slug, name, labels: { app: 'web' },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: sampleImage, command: ['sh', '-c', `mkdir -p /tmp/www && echo ${name} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`], ports: [{ name: 'http', containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 20 } }] },
  })
/** Waits until a pod is ready, after so many starts anew. */
const isReady = (tenant: Tenant, name: string, restarts = 0) =>
  waitForPod(tenant, { namespace: 'default', name }, (pod) => isRunning(pod) && (pod.status.containers[0]?.restartCount ?? 0) >= restarts && pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'))
const told = (what: string, { done, errors, longestGapMs }: Seen) => console.log(`  ${what}: ${done} answers, ${errors.length} errors (${[...new Set(errors)].join(', ') || 'none'}), at most ${(longestGapMs / 1000).toFixed(2)} s without an answer`)

test('under load from outside each part is killed: nothing fails but what was under way there', async ({ tenant }) => {
  test.setTimeout(400_000)
  const { api, slug } = tenant
  const before = new Set(balancerUids())
  await Promise.all(['web-1', 'web-2'].map((name) => createWeb(tenant, name)))
  await api.service.create.mutate({ tenant: slug, name: 'front', annotations: { 'balancer.hypernetes.io/protocol': 'http' }, spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })
  for (const name of ['web-1', 'web-2']) await isReady(tenant, name)
  const balancer = () => api.loadBalancer.get.query({ tenant: slug, name: 'front' })
  await expect.poll(async () => (await balancer()).status.phase, { timeout: 120_000 }).toBe('Active')
  const [address = ''] = (await balancer()).status.addresses
  const [uid = ''] = balancerUids().filter((one) => !before.has(one))
  const load = new LoadClient(address)
  try {
    const both = () => expect.poll(() => load.latest(), { timeout: 120_000 }).toEqual(['web-1', 'web-2'])
    await both()

    await test.step('what has no part in a connection: the agent and the control plane', async () => {
      load.begin()
      await Promise.all(killable.map(kill))
      await load.answersMore()
      const seen = load.end()
      told('web, control, host agent and PostgreSQL killed at once', seen)
      // Before it may fail: a second try needs the server.
      await untilReady()
      expect(seen.errors).toEqual([])
    })
    for (const part of ['worker', 'master'] as const) {
      await test.step(`HAProxy’s ${part}`, async () => {
        const killed = haproxyOf(uid)?.[part]
        if (killed === undefined) throw new Error('HAProxy does not run')
        load.begin()
        process.kill(killed, 'SIGKILL')
        await expect.poll(() => { const now = haproxyOf(uid); return now !== null && now.master !== killed && now.worker !== killed }, { timeout: 60_000, intervals: [20] }).toBe(true)
        await load.answersMore()
        const seen = load.end()
        told(`HAProxy’s ${part} killed`, seen)
        // What is refused, or ends, while it is not there; nothing that it says itself.
        expect(seen.errors.filter((what) => !['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(what))).toEqual([])
        load.begin()
        await load.answersMore()
        expect(load.end().errors).toEqual([])
      })
    }
    await test.step('a pod behind it, with its machine', async () => {
      await both()
      const { metadata } = await api.pod.get.query({ tenant: slug, name: 'web-1' })
      load.begin()
      for (const pid of vmOf(metadata.uid)) process.kill(pid, 'SIGKILL')
      await isReady(tenant, 'web-1', 1)
      await both()
      const seen = load.end()
      told('a pod’s machine killed', seen)
      // Only what each client had under way there may fail.
      expect(seen.errors.length).toBeLessThanOrEqual(clients)
    })
  } finally {
    // Its clients ask no more beside what comes next.
    await load.stop()
  }
})
