import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from './host-sessions'
import { connectHost } from './testing/connected-host'
import { startControllers } from './testing/running-controllers'

const services = 100
const endpointsOfEach = 10
const tries = 9

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let stop = async () => {}
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  stop = await startControllers(server, sessions, [podController, createEndpointsController()])
})
afterAll(async () => {
  await stop()
  await server.stop()
})

it('what a pod reports of its readiness is on its way to hosts, and alone, however many services and endpoints its network has', { timeout: 120_000 }, async () => {
  const tenantId = ann.tenant.id
  const spec = podSpec.parse({ containers: [{ name: 'a', image: 'busybox', ports: [{ name: 'http', containerPort: 8080 }] }] })
  const selecting = (app: string) => serviceSpec.parse({ selector: { app }, ports: [{ port: 80, targetPort: 'http' }] })
  const [host, other] = [await connectHost(server, sessions, 'l1'), await connectHost(server, sessions, 'l2')]
  await host.desired()
  const { uid: networkId } = await server.db.network.create({ data: { tenantId, name: 'large', spec: networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/12' } } }) } })
  await server.db.namespace.create({ data: { tenantId, name: 'large', spec: { network: 'large' } } })
  const document = JSON.stringify({ conditions: [{ type: 'Ready', status: 'True' }] })
  await inTransaction(server.db, async (tx) => {
    await tx.$executeRaw`insert into "Pod" ("uid", "tenantId", "namespace", "name", "labels", "networkId", "hostId", "spec") select gen_random_uuid(), ${tenantId}, 'large', 'p' || n, jsonb_build_object('app', 'a' || n / ${endpointsOfEach}), ${networkId}::uuid, ${other.hostId}::uuid, ${JSON.stringify(spec)}::jsonb from generate_series(0, ${services - 1}) n`
    await tx.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "podUid", "mac") select "networkId", '10.0.1.0'::inet + row_number() over (), "uid", '02:' || substr(md5("uid"::text), 1, 14) from "Pod" where "networkId" = ${networkId}::uuid`
    await tx.$executeRaw`insert into "PodReport" ("podUid", "hostId", "bootId", "sequence", "phase", "document") select "uid", "hostId", gen_random_uuid(), 1, 'Running', ${document}::jsonb from "Pod" where "networkId" = ${networkId}::uuid`
    await tx.$executeRaw`insert into "Service" ("uid", "tenantId", "namespace", "name", "networkId", "spec") select gen_random_uuid(), ${tenantId}, 'large', 's' || n, ${networkId}::uuid, jsonb_set(${JSON.stringify(selecting(''))}::jsonb, '{selector,app}', to_jsonb('a' || n % ${services / endpointsOfEach})) from generate_series(0, ${services - 1}) n`
  })
  const addressed = async () => server.db.$queryRaw<{ count: number }[]>`select coalesce(sum(jsonb_array_length("subsets" -> 0 -> 'addresses')), 0)::int as count from "Endpoints"`
  await expect.poll(addressed, { timeout: 60_000, interval: 50 }).toEqual([{ count: services * endpointsOfEach }])

  const { uid } = await inTransaction(server.db, (tx) => tx.pod.create({ data: { tenantId, namespace: 'large', name: 'mine', labels: { app: 'mine' }, networkId, hostId: host.hostId, spec } }))
  await inTransaction(server.db, (tx) => tx.service.create({ data: { tenantId, namespace: 'large', name: 'mine', networkId, spec: selecting('mine') } }))
  /** The service's endpoints in the next message that tells of them. */
  const sizes: number[] = []
  const told = async (): Promise<number> => {
    const message = await host.next()
    if (message.kind === 'networkObjects') sizes.push(message.set.length)
    const found = message.kind === 'networkObjects' ? message.set.find((one) => one.kind === 'service' && one.name === 'mine') : undefined
    return found?.kind === 'service' ? (found.ports[0]?.endpoints.length ?? 0) : told()
  }
  await told()
  sizes.length = 0
  for (let i = 0; i < tries; i += 1) {
    const isReady = i % 2 === 0
    const report: PodReport = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] }
    await host.report(report)
    while ((await told()) !== (isReady ? 1 : 0));
  }
  // Of what changed, and of nothing else.
  expect(Math.max(...sizes)).toBe(1)
})
