import { afterAll, expect, it } from 'vitest'
import { inTransaction } from '@/server/store/database'
import { openPrePulls, planPrePulls } from './pre-pulls'
import { startUploadServer, type Person } from './testing/upload-server'

const { test, connect, stop } = await startUploadServer()
afterAll(stop)

it('a pre-pull reaches every host with its Secrets, is bounded, and shows with what hosts say to this tenant', async () => {
  const kim = await test.signUp('kim')
  const tenant = kim.tenant.slug
  const one = await connect('p1')
  await one.desired()
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['pull'] })).rejects.toThrow(/Secret "pull" does not exist/)
  await kim.caller.secret.create({ tenant, name: 'other', type: 'Opaque', stringData: { '.dockerconfigjson': '{}' } })
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['other'] })).rejects.toThrow(/Secret "other" is of type Opaque: name one of type kubernetes.io\/dockerconfigjson/)
  await kim.caller.secret.create({ tenant, name: 'large', type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}', more: 'x'.repeat(70_000) } })
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['large'] })).rejects.toThrow(/more than 64 KiB together/)
  await kim.caller.secret.create({ tenant, name: 'pull', type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}', private: 'of others' } })
  const { id } = await kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['pull'] })
  const content = Buffer.from('{"auths":{}}').toString('base64')
  expect((await one.desired()).prePulls).toEqual([{ id, tenantId: kim.tenant.id, reference: 'r.example/app:1', pullSecrets: [expect.objectContaining({ name: 'pull', data: { '.dockerconfigjson': content } })], upload: null }])

  const said = { reference: 'r.example/app:1', digest: `sha256:${'1'.repeat(64)}`, sizeBytes: 7, message: '', bytesDone: 7, bytesTotal: 7 }
  const report = (complete: boolean, images: object[]) => one.host.report({ bootId: one.bootId, sequence: complete ? 1 : 2, complete, pods: [], events: [], images: images as never })
  await report(true, [{ ...said, tenantId: kim.tenant.id, phase: 'Ready' }, { ...said, tenantId: 'f'.repeat(32), phase: 'Failed', message: 'of another' }])
  const shown = async () => (await kim.caller.image.list({ tenant })).items
  expect(await shown()).toMatchObject([{ phase: 'Ready', sizeBytes: 7, hosts: [{ host: 'p1', phase: 'Ready' }], prePull: { id } }])
  // Another tenant that names the same image learns nothing of it.
  const lee = await test.signUp('lee')
  await lee.caller.image.prePull({ tenant: lee.tenant.slug, reference: 'r.example/app:1' })
  expect((await lee.caller.image.list({ tenant: lee.tenant.slug })).items).toMatchObject([{ phase: 'Unknown', hosts: [], digest: null }])
  await report(false, [{ ...said, tenantId: kim.tenant.id, phase: 'Removed' }])
  expect(await shown()).toMatchObject([{ phase: 'Unknown', hosts: [] }])

  await kim.caller.image.cancelPrePull({ tenant, id })
  await expect(lee.caller.image.cancelPrePull({ tenant: lee.tenant.slug, id })).rejects.toThrow('does not exist')
  for (let i = 0; i < 20; i += 1) await kim.caller.image.prePull({ tenant, reference: `r.example/app:${i}` })
  await kim.caller.image.prePull({ tenant, reference: 'r.example/app:3' })
  await kim.caller.image.cancelPrePull({ tenant, id: (await kim.caller.image.prePull({ tenant, reference: 'r.example/app:3' })).id })
  // One that counts waits for another that does, so that both do not take the last place.
  const waiting = () => test.db.$queryRaw<unknown[]>`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%"Tenant"%for update%'`
  const [last] = await inTransaction(test.db, async (tx) => {
    await tx.$queryRaw`select 1 from "Tenant" where "id" = ${kim.tenant.id} for update`
    const pulled = kim.caller.image.prePull({ tenant, reference: 'last.example/a:1' })
    await expect.poll(async () => (await waiting()).length).toBe(1)
    return [pulled]
  })
  await last
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:20' })).rejects.toThrow(/20 pre-pulls/)
  const page = await kim.caller.image.list({ tenant, search: 'app:1', limit: 4 })
  expect([page.total, page.items.length, page.nextCursor]).toEqual([11, 4, 'r.example/app:12'])
  expect((await kim.caller.image.list({ tenant, search: 'app:1', limit: 50, cursor: page.nextCursor ?? '' })).items).toHaveLength(7)
  expect((await kim.caller.image.list({ tenant, phase: 'Ready' })).total).toBe(0)

  // The operator's are for everybody, and of no tenant's list.
  await test.db.imagePrePull.deleteMany({})
  const operator = test.callerOf({ ...kim.actor, kind: 'session', operator: true })
  await operator.image.prePullForAll({ reference: 'public/app:1' })
  await expect.poll(async () => (await one.desired()).prePulls?.map(({ tenantId, reference }) => [tenantId, reference])).toEqual([['', 'public/app:1']])
  expect(await test.db.auditEntry.findMany({ where: { tenantId: null, action: 'image.prePullForAll' } })).toMatchObject([{ kind: 'Image', name: 'public/app:1', actor: kim.account.email }])
  expect((await kim.caller.image.list({ tenant })).total).toBe(0)
  one.close()
})

it('Secrets of one tenant that are too large hold up only its own pre-pulls, and no change costs two queries and opens nothing', async () => {
  await test.db.imagePrePull.deleteMany({})
  const [mia, noa] = [await test.signUp('mia'), await test.signUp('noa')]
  const login = (of: Person, name: string) => of.caller.secret.create({ tenant: of.tenant.slug, name, type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}' } })
  await login(mia, 'pull')
  await login(noa, 'pull')
  await mia.caller.image.prePull({ tenant: mia.tenant.slug, reference: 'm.example/app:1', pullSecrets: ['pull'] })
  await mia.caller.image.prePull({ tenant: mia.tenant.slug, reference: 'm.example/app:2' })
  await noa.caller.image.prePull({ tenant: noa.tenant.slug, reference: 'n.example/app:1', pullSecrets: ['pull'] })
  const parts = { db: test.db, keyRing: test.server.keyRing, log: test.server.log }
  const references = async () => (await openPrePulls(parts, await planPrePulls(test.db))).map(({ reference, pullSecrets }) => [reference, ...pullSecrets.map(({ data }) => Object.keys(data).join())])
  const key = '.dockerconfigjson'
  expect(await references()).toEqual([['m.example/app:1', key], ['m.example/app:2'], ['n.example/app:1', key]])
  const before = (await planPrePulls(test.db)).revision
  // It grew after it was named.
  await mia.caller.secret.update({ tenant: mia.tenant.slug, name: 'pull', stringData: { '.dockerconfigjson': '{"auths":{}}', more: 'x'.repeat(300_000) } })
  expect(await references()).toEqual([['m.example/app:2'], ['n.example/app:1', key]])
  expect((await planPrePulls(test.db)).revision).not.toBe(before)

  const asked: string[] = []
  const counting = new Proxy(test.db, { get: (db, name) => (['$queryRaw', 'imageUpload', 'imagePrePull', 'secret'].includes(String(name)) && asked.push(String(name)), Reflect.get(db, name) as unknown) })
  await planPrePulls(counting)
  expect(asked).toEqual(['$queryRaw', 'imageUpload'])
  await openPrePulls({ ...parts, db: counting }, await planPrePulls(test.db))
  expect(asked.slice(2)).toEqual(['secret'])
  await test.db.imagePrePull.deleteMany({})
})
