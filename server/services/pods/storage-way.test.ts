import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { storageNetworkAnnotation } from '@/domain/pod/storage-network'
import { startTestServer } from '@/server/api/testing/server'

const spec = { containers: [{ name: 'a', image: 'busybox' }] }
const asks = { [storageNetworkAnnotation]: 'true' }
let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.pod.deleteMany()
  await server.db.volume.deleteMany()
  await server.db.storageClass.deleteMany()
  await server.db.volumeStore.deleteMany()
  await server.db.tenant.updateMany({ data: { volumeQuota: null, volumeBytesQuota: null } })
})

async function classOf(name: string, store: object) {
  const { uid: storeId } = await server.db.volumeStore.create({ data: { name, spec: store } })
  return { storeId, classId: (await server.db.storageClass.create({ data: { name, storeId, spec: { store: name } } })).uid }
}
const files = () => classOf('files', { kind: 'file', shared: true, folder: '/srv' })
const ceph = () => classOf('ceph', { kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'p', user: 'u', networks: ['192.0.2.0/24'] })
const manifest = (name: string, value = 'true') => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  annotations: {${storageNetworkAnnotation}: "${value}"}\nspec: {containers: [{name: a, image: busybox}]}\n`
const create = (name: string, annotations: Record<string, string> = asks) => ann.caller.pod.create({ tenant, name, annotations, spec })
const path = `metadata.annotations["${storageNetworkAnnotation}"]`
const refused = (cause: string) => ({ cause: { code: 'failed_precondition', problems: [{ path, line: null, message: expect.stringContaining(cause) }] } })

it('a pod gets the way to stores on the network where its tenant may have volumes there', async () => {
  await ceph()
  expect((await create('web')).metadata.annotations).toEqual(asks)
  const { results } = await ann.caller['manifest.apply']({ tenant, yaml: manifest('other') })
  expect(results).toMatchObject([{ action: 'created', problems: [] }])
})

it('where nothing is there to be reached, it is refused by every way to a pod, and says what to do', async () => {
  await files()
  await expect(create('web')).rejects.toMatchObject(refused('no storage class has volumes there: leave it out, or ask the operator'))
  expect((await ann.caller['manifest.apply']({ tenant, yaml: manifest('web') })).results).toMatchObject([{ action: 'unchanged', problems: [{ path, line: 5, message: expect.stringContaining('no storage class') }] }])
  await create('web', {})
  await expect(ann.caller.pod.update({ tenant, name: 'web', labels: {}, annotations: asks })).rejects.toMatchObject(refused('no storage class'))
  expect((await ann.caller['manifest.apply']({ tenant, yaml: manifest('web') })).results).toMatchObject([{ action: 'unchanged', problems: [{ path }] }])
  await expect(ann.caller.pod.recreate({ tenant, name: 'web', annotations: asks, spec })).rejects.toMatchObject(refused('no storage class'))
  expect(await server.db.pod.findMany({ select: { name: true, annotations: true, deletedAt: true } })).toEqual([{ name: 'web', annotations: {}, deletedAt: null }])
  // Another value asks for nothing.
  await create('quiet', { [storageNetworkAnnotation]: 'false' })
})

it.each([['volumes', { volumeQuota: 0 }], ['bytes', { volumeBytesQuota: 0n }]])('so it is where the tenant’s quota of %s is 0, unless it has volumes there', async (_, data) => {
  const place = await ceph()
  await server.db.tenant.update({ where: { id: ann.tenant.id }, data })
  await expect(create('web')).rejects.toMatchObject(refused('quota of volumes is 0'))
  await server.db.volume.create({ data: { tenantId: ann.tenant.id, name: 'data', spec: {}, sizeBytes: 1n << 30n, ...place } })
  await create('web')
})

it('a pod that has the way keeps it, and its other annotations change', async () => {
  await ceph()
  await create('web')
  await server.db.tenant.update({ where: { id: ann.tenant.id }, data: { volumeQuota: 0 } })
  expect((await ann.caller.pod.update({ tenant, name: 'web', labels: { a: 'b' }, annotations: { ...asks, note: 'x' } })).metadata.annotations).toEqual({ ...asks, note: 'x' })
})
