import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { helloInput } from '@/contracts/host/v1'
import { networkSpec } from '@/domain/network/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { logger } from '@/platform/logger'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { bindVolumes } from '@/server/store/volume-scheduling'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { scheduler } from './scheduler'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let hosts: string[] = []
let networkId = ''
let store = { storeId: '', classId: '' }
const log = logger('test')
log.level = 'silent'
const hello = helloInput.parse({ version: 1, name: 'h', publicKey: 'k', signature: 's', bootId: crypto.randomUUID(), agentVersion: '1', hypervisorVersion: '7', kernelVersion: '6', guestVersion: '1', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 4, memoryMiB: 8192, diskMiB: 1000 } })

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  networkId = (await db.network.create({ data: { tenantId, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })).uid
  hosts = await Promise.all(['h1', 'h2'].map(async (name) => (await db.host.create({ data: { name, publicKey: name, phase: 'Ready', hello } })).id))
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file' } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'local', storeId, spec: { store: 'local' } } })
  store = { storeId, classId }
  for (const [at, hostId] of hosts.entries()) await db.volumeStoreHost.create({ data: { storeId, hostId, reachable: true, totalBytes: 100n << 30n, freeBytes: (at === 0 ? 3n : 9n) << 30n } })
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.pod.deleteMany()
  await db.volume.deleteMany()
})

const cycle = () => scheduler.reconcile({ db, log, feed: new FeedReader(db, database.url, () => {}) }, 'all')
const volume = async (name: string, data: object = {}) => (await db.volume.create({ data: { tenantId, name, spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, ...store, ...data } })).uid
const pod = async (name: string, ...volumes: object[]) => (await db.pod.create({ data: { tenantId, namespace: 'default', name, networkId, spec: { containers: [{ name: 'a', image: 'busybox' }], volumes } } })).uid
const cinder = (volumeID: string) => ({ name: volumeID, cinder: { volumeID } })
const hostOf = async (uid: string) => hosts.indexOf((await db.pod.findUniqueOrThrow({ where: { uid } })).hostId ?? '')
const homeOf = async (uid: string) => hosts.indexOf((await db.volume.findUniqueOrThrow({ where: { uid } })).homeHostId ?? '')
const said = async (objectUid: string) => (await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'PodScheduled' } } }))?.message
const why = async (objectUid: string) => (await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'PodScheduled' } } }))?.reason

describe('a pod with volumes', () => {
  it('is bound where they lie; those that lie nowhere yet come to its host with it', async () => {
    const [there, anew] = [await volume('there', { homeHostId: hosts[0] }), await volume('anew')]
    const uid = await pod('web', cinder('there'), cinder('anew'))
    await cycle()
    expect([await hostOf(uid), await homeOf(there), await homeOf(anew)]).toEqual([0, 0, 0])
  })

  it('is bound where the store has room for what is promised already and for what is new', async () => {
    await volume('promised', { homeHostId: hosts[1], sizeBytes: 4n << 30n })
    const anew = await volume('anew', { sizeBytes: 3n << 30n })
    const uid = await pod('web', cinder('anew'))
    await cycle()
    expect([await hostOf(uid), await homeOf(anew)]).toEqual([1, 1])
    await volume('more', { sizeBytes: 3n << 30n })
    const second = await pod('next', cinder('more'))
    await cycle()
    expect([await hostOf(second), await said(second)]).toEqual([-1, expect.stringMatching(/^0 of 2 hosts fit: 2 too little room in the store of its volumes\./)])
  })

  it('waits and says for which volume, and what helps', async () => {
    const [lost, pending] = [await pod('a', cinder('missing')), await pod('b', { name: 'x', persistentVolumeClaim: { claimName: 'data' } })]
    await volume('one', { homeHostId: hosts[0] })
    await volume('two', { homeHostId: hosts[1] })
    const apart = await pod('c', cinder('one'), cinder('two'))
    await cycle()
    expect(await said(lost)).toBe('There is no volume "missing": create it, or name another one by its uid or its name. It is tried again by itself.')
    expect(await Promise.all([lost, pending, apart].map(why))).toEqual(['VolumesUnavailable', 'VolumesUnavailable', 'Unschedulable'])
    expect(await said(pending)).toContain('There is no PersistentVolumeClaim "data" in namespace "default": create it')
    expect(await said(apart)).toContain('Its volumes lie on disks of several hosts ("one" on host "h1", "two" on host "h2"): clone some of them')
    await db.host.update({ where: { id: hosts[0] ?? '' }, data: { phase: 'Unknown' } })
    const drawn = await pod('d', cinder('one'))
    await cycle()
    expect(await said(drawn)).toContain('Its volume "one" lies on the disk of host "h1", and the pod can run on no other.')
    await db.host.updateMany({ data: { phase: 'Ready' } })
    await cycle()
    expect(await hostOf(drawn)).toBe(0)
  })

  it('takes no volume along that came to another host meanwhile', async () => {
    const uid = await volume('data', { homeHostId: hosts[0] })
    expect(await db.$transaction((tx) => bindVolumes(tx, hosts[1] ?? '', [uid]))).toBe(false)
    expect(await db.$transaction((tx) => bindVolumes(tx, hosts[0] ?? '', [uid]))).toBe(true)
    expect(await homeOf(uid)).toBe(0)
  })
})
