import { TestCeph, testPool } from '@/host/volumes/testing/ceph'
import { agentKey } from '@/host/volumes/testing/rbd-store'
import type { Fleet } from './fleet'

/** A cluster beside the server of a fleet, reached by all hosts; its store is made as operators make one, with the class of volumes that name none. Somebody has to stop it. */
export async function makeCephStore({ test, machines }: Fleet, memoryMiB: number): Promise<TestCeph> {
  const ceph = await TestCeph.start({ capacity: true, memoryMiB, wire: machines.storageWire })
  try {
    const olga = await test.signUp('olga')
    const operator = test.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
    const spec = { kind: 'rbd' as const, monitors: [`${ceph.address}:6789`], pool: testPool, user: 'hypernetes', networks: [`${ceph.address}/32`] }
    await operator.volumeStore.create({ name: 'ceph', spec, key: await agentKey(ceph) })
    await operator.storageClass.create({ name: 'ceph', spec: { store: 'ceph', default: true } })
    return ceph
  } catch (error) {
    await ceph.stop().catch(() => {})
    throw error
  }
}
