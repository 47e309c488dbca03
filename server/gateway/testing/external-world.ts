import { expect } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers, type ExternalOptions } from '@/server/control/controllers/external/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from '../host-sessions'
import { connectExternalHost } from './external-host'
import { startControllers } from './running-controllers'

export type Host = Awaited<ReturnType<typeof connectExternalHost>>

/** Two processes and some connections take part, on a machine that may do other work. */
export const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })

const serviceOf = (spec: object, app: string): ServiceSpec => serviceSpec.parse({ type: 'LoadBalancer', selector: { app }, ports: [{ port: 80, targetPort: 8080 }], ...spec })

/** A server and its control process, an address pool, and a tenant with a namespace "shop" in a network; and what people do there. Hosts are connected by whoever tests. */
export async function startExternalWorld(options: Partial<ExternalOptions> = {}) {
  const server = await startTestServer()
  const { db } = server
  const { tenant: { id: tenantId } } = await server.signUp('ann')
  const sessions = new HostSessions()
  const pool = (name: string, family: 4 | 6, cidr: string) => inTransaction(db, (tx) => tx.addressPool.create({ data: { name, family, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr }, default: true }) } }))
  const { uid: poolId } = await pool('default', 4, '198.18.100.0/24')
  const { uid: networkId } = await db.network.create({ data: { tenantId, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })
  await db.namespace.create({ data: { tenantId, name: 'shop', spec: { network: 'outside' } } })
  const stopControllers = await startControllers(server, sessions, [podController, createEndpointsController(), ...createExternalControllers({ defaultQuota: 10, ...options })])
  return {
    server, db, sessions, tenantId, networkId, pool,
    connect: (name: string, held?: Parameters<typeof connectExternalHost>[3]) => connectExternalHost(server, sessions, name, held),
    service: (name: string, spec: object = {}, annotations: Record<string, string> = {}) => inTransaction(db, (tx) => tx.service.create({ data: { tenantId, namespace: 'shop', name, networkId, annotations, spec: serviceOf(spec, name) } })),
    putService: (name: string, spec: object) => inTransaction(db, (tx) => tx.service.updateMany({ where: { tenantId, name }, data: { spec: serviceOf(spec, name), generation: { increment: 1 } } })),
    floating: (name: string, address: string, target?: object) => inTransaction(db, (tx) => tx.floatingAddress.create({ data: { tenantId, name, address, poolId, spec: floatingAddressSpec.parse({ address, target }) } })),
    aim: (name: string, address: string, target?: object) => inTransaction(db, (tx) => tx.floatingAddress.updateMany({ where: { name }, data: { spec: floatingAddressSpec.parse({ address, target }), generation: { increment: 1 } } })),
    pod: (name: string, { hostId }: Host, app = name, annotations: Record<string, string> = {}) => inTransaction(db, (tx) => tx.pod.create({ data: { tenantId, namespace: 'shop', name, labels: { app }, annotations, networkId, hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } })),
    ready: (host: Host, uid: string, isReady = true) => host.report({ uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] }),
    cordon: ({ hostId }: Host, unschedulable: boolean) => db.host.update({ where: { id: hostId }, data: { unschedulable } }),
    condition: (objectUid: string, type: string) => db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type } } }),
    /** Deletes all that a test made. Resolves once nothing of it is left, which these hosts have to say. */
    clear: async (...hosts: readonly Host[]) => {
      await inTransaction(db, async (tx) => {
        await tx.service.deleteMany()
        await tx.ingress.deleteMany()
        await tx.floatingAddress.updateMany({ where: { managed: false }, data: { deletedAt: new Date() } })
        await tx.networkAddress.deleteMany({ where: { podUid: { not: null } } })
        await tx.podAssignment.deleteMany()
        await tx.podReport.deleteMany()
        await tx.pod.deleteMany()
      })
      await Promise.all(hosts.map((host) => host.answersAgain()))
      await soon(async () => [await db.loadBalancer.count(), await db.floatingAddress.count(), await db.networkAddress.count()]).toEqual([0, 0, 0])
    },
    stop: async () => {
      await stopControllers()
      await server.stop()
    },
  }
}
export type ExternalWorld = Awaited<ReturnType<typeof startExternalWorld>>
