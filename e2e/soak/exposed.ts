import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { run } from '@/platform/exec'
import type { Tenant } from '../fixtures/accounts'
import { installation } from '../fixtures/installation'
import { codeOf, persist } from './client'
import type { Stream } from './stream'

const balancers = () => join(installation.data, 'host', 'balancers')
const state = z.looseObject({ process: z.looseObject({ identity: z.looseObject({ pid: z.number().int(), startTicks: z.string() }) }) })

/** A pod that the outside reaches by a balancer: `address`, and the master of its HAProxy by a name that no later process can have. */
export type Exposed = { name: string; address: string; haproxy: string }

/** A pod with a balancer that are there before the first fault. */
export async function startExposed(tenant: Tenant, stream: Stream, name: string): Promise<Exposed> {
  const { api, slug } = tenant
  const before = new Set(readdirSync(balancers()))
  const spec = { containers: [{ name: 'main', image: sampleImage }], terminationGracePeriodSeconds: 1 }
  await persist(`create ${name}`, stream.retries, () => api.pod.create.mutate({ tenant: slug, name, labels: { exposed: name }, spec, requestId: name }))
  await api.service.create.mutate({ tenant: slug, name, annotations: { 'balancer.hypernetes.io/protocol': 'http' }, spec: { type: 'LoadBalancer', selector: { exposed: name }, ports: [{ port: 80, targetPort: 8080 }] } })
  const [address = ''] = await until(`an address of ${name}`, async () => {
    const { status } = await persist(`read the balancer ${name}`, stream.retries, () => api.loadBalancer.get.query({ tenant: slug, name }))
    return status.phase === 'Active' && status.addresses.length > 0 ? status.addresses : undefined
  })
  await expectAnswered({ name, address })
  const [uid = ''] = readdirSync(balancers()).filter((one) => !before.has(one))
  return { name, address, haproxy: haproxyOf(uid) }
}

/** It answers, by the same HAProxy as at first. */
export async function expectServed({ haproxy, ...exposed }: Exposed): Promise<void> {
  await expectAnswered(exposed)
  const now = readdirSync(balancers()).map(haproxyOf)
  if (!now.includes(haproxy)) throw new Error(`the HAProxy of ${exposed.name} did not go on: it was process ${haproxy}`)
}

/** Takes the balancer and its service away; pods go by themselves. */
export async function removeExposed(tenant: Tenant, stream: Stream, { name }: Exposed): Promise<void> {
  await persist(`delete the service ${name}`, stream.retries, async () => {
    try {
      await tenant.api.service.delete.mutate({ tenant: tenant.slug, name })
    } catch (error) {
      if (codeOf(error) !== 'NOT_FOUND') throw error
    }
  })
}

/** Its HAProxy's master as the agent wrote it down; what says nothing is none. */
function haproxyOf(uid: string): string {
  try {
    const { pid, startTicks } = state.parse(JSON.parse(readFileSync(join(balancers(), uid, 'state.json'), 'utf8'))).process.identity
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(` ${startTicks} `) ? `${pid} of tick ${startTicks}` : 'none'
  } catch {
    return 'none'
  }
}

const expectAnswered = ({ name, address }: Pick<Exposed, 'name' | 'address'>) =>
  until(`an answer of ${name} at ${address}`, () => run('curl', ['-sf', '--max-time', '5', '-o', '/dev/null', '-w', '%{http_code}', `http://${address}/`]).then(({ stdout }) => (stdout === '200' ? true : undefined), () => undefined))

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 120_000; ; await delay(250)) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (Date.now() > end) throw new Error(`waited 120 s for ${what}`)
  }
}
