import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { replacePod } from '@/server/store/pod-successors'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const spec = (image: string) => ({ containers: [{ name: 'a', image, env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'x', optional: true } } }] }] })
const at = (name: string, namespace = 'default') => ({ tenant: ann.tenant.slug, namespace, name })
const create = (name: string, namespace = 'default') => ann.caller.pod.create({ ...at(name, namespace), spec: spec('busybox') })
const recreate = (name: string, more: { uid?: string; requestId?: string; image?: string; namespace?: string } = {}) => ann.caller.pod.recreate({ ...at(name, more.namespace), labels: { new: 'yes' }, annotations: {}, spec: spec(more.image ?? 'nginx'), ...(more.uid && { uid: more.uid }), ...(more.requestId && { requestId: more.requestId }) })
/** What the pod controller does once the host says that the pod is gone. */
const gone = (uid: string) => server.db.$transaction((tx) => replacePod(tx, uid))
const actions = async (name: string) => (await ann.caller.audit.list({ tenant: ann.tenant.slug })).items.filter((each) => each.name === name).map((each) => each.action).reverse()

it('begins the deletion and creates the new pod in the moment in which the old one goes', async () => {
  const old = await create('web')
  expect(await recreate('web', { uid: old.metadata.uid, requestId: 'r1' })).toEqual({ state: 'waiting' })
  expect((await ann.caller.pod.get(at('web'))).metadata).toMatchObject({ uid: old.metadata.uid, deletionTimestamp: expect.any(String) as string })
  expect((await ann.caller.pod.successor(at('web'))).successor).toMatchObject({ state: 'waiting', labels: { new: 'yes' }, spec: { containers: [{ image: expect.stringContaining('nginx') as string }] } })
  // The same request again does nothing more.
  expect(await recreate('web', { uid: old.metadata.uid, requestId: 'r1' })).toEqual({ state: 'waiting' })
  await gone(old.metadata.uid)
  const next = await ann.caller.pod.get(at('web'))
  expect(next.metadata).toMatchObject({ labels: { new: 'yes' }, deletionTimestamp: null })
  expect(next.metadata.uid).not.toBe(old.metadata.uid)
  expect(next.spec.containers[0]?.image).toContain('nginx')
  expect(await server.db.podReference.count({ where: { podUid: next.metadata.uid } })).toBe(1)
  expect(await ann.caller.pod.successor(at('web'))).toEqual({ successor: null })
  expect(await actions('web')).toEqual(['pod.create', 'pod.delete', 'pod.recreate', 'pod.create'])
  // The answer is the request's, also when the pod of that name is another by now.
  expect(await recreate('web', { uid: old.metadata.uid, requestId: 'r1' })).toEqual({ state: 'waiting' })
  expect((await ann.caller.pod.get(at('web'))).metadata.deletionTimestamp).toBeNull()
})

it('refuses a wrong manifest and another pod of the name before it deletes anything', async () => {
  const pod = await create('kept')
  await expect(recreate('kept', { image: '///' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
  await expect(recreate('kept', { uid: '00000000-0000-4000-8000-000000000000' })).rejects.toMatchObject({ cause: { code: 'conflict' } })
  expect((await ann.caller.pod.get(at('kept'))).metadata).toMatchObject({ uid: pod.metadata.uid, deletionTimestamp: null })
})

it('creates at once what has no predecessor any more', async () => {
  expect(await recreate('fresh')).toEqual({ state: 'created' })
  expect((await ann.caller.pod.get(at('fresh'))).metadata.labels).toEqual({ new: 'yes' })
})

it('keeps the manifest and says why where the new pod cannot be created', async () => {
  await ann.caller.namespace.create({ tenant: ann.tenant.slug, name: 'going' })
  const old = await create('web', 'going')
  await recreate('web', { namespace: 'going' })
  await server.db.namespace.updateMany({ where: { tenantId: ann.tenant.id, name: 'going' }, data: { deletedAt: new Date() } })
  await gone(old.metadata.uid)
  await expect(ann.caller.pod.get(at('web', 'going'))).rejects.toMatchObject({ cause: { code: 'not_found' } })
  const { successor } = await ann.caller.pod.successor(at('web', 'going'))
  expect(successor).toMatchObject({ state: 'failed', problem: expect.stringContaining('Its manifest is kept') as string, spec: { containers: [{}] } })
  const { items } = await ann.caller.event.list({ tenant: ann.tenant.slug, kind: 'Pod', namespace: 'going', name: 'web' })
  expect(items[0]).toMatchObject({ type: 'Warning', reason: 'NotRecreated' })
  expect(await ann.caller.pod.discardSuccessor(at('web', 'going'))).toEqual({ discarded: true })
  expect(await ann.caller.pod.successor(at('web', 'going'))).toEqual({ successor: null })
})

it('lets the pod go for good where its successor is discarded, or it is deleted, meanwhile', async () => {
  for (const [name, stop] of [['a', ann.caller.pod.discardSuccessor], ['b', ann.caller.pod.delete]] as const) {
    const old = await create(name)
    await recreate(name)
    await stop(at(name))
    await gone(old.metadata.uid)
    await expect(ann.caller.pod.get(at(name))).rejects.toMatchObject({ cause: { code: 'not_found' } })
  }
})

it('takes the later of two successors', async () => {
  const old = await create('twice')
  await recreate('twice', { image: 'first' })
  await recreate('twice', { image: 'second' })
  await gone(old.metadata.uid)
  expect((await ann.caller.pod.get(at('twice'))).spec.containers[0]?.image).toContain('second')
})

it('lets neither live where it is deleted, or deleted with others, in the moment in which the successor takes its place', async () => {
  const deletions = [
    ['race-one', (name: string) => ann.caller.pod.delete(at(name))],
    ['race-many', (name: string) => ann.caller.pod.deleteMany({ tenant: ann.tenant.slug, pods: [{ name }] })],
  ] as const
  for (const [name, remove] of deletions) {
    const old = await create(name)
    await recreate(name)
    let deletion: Promise<unknown> = Promise.resolve()
    await server.db.$transaction(async (tx) => {
      await replacePod(tx, old.metadata.uid)
      deletion = remove(name)
      await waitsForLock()
    }, { timeout: 20_000 })
    await deletion
    const next = await ann.caller.pod.get(at(name))
    expect(next.metadata.uid).not.toBe(old.metadata.uid)
    expect(next.metadata.deletionTimestamp).not.toBeNull()
  }
})

it('gives the new pod the address that the old one had, and keeps the manifest where its group is gone', async () => {
  const tenant = ann.tenant.slug
  const network = { addresses: ['10.244.0.99'], securityGroups: ['kept'] }
  await ann.caller.securityGroup.create({ tenant, name: 'kept', spec: {} })
  const placed = (over: object = {}) => ({ containers: [{ name: 'a', image: 'busybox' }], network: { ...network, ...over } })
  const old = await ann.caller.pod.create({ tenant, name: 'placed', spec: placed() })
  await expect(ann.caller.pod.recreate({ ...at('placed'), labels: {}, annotations: {}, spec: placed({ securityGroups: ['nowhere'] }) })).rejects.toMatchObject({ cause: { problems: [{ path: 'spec.network.securityGroups[0]' }] } })
  expect((await ann.caller.pod.get(at('placed'))).metadata.deletionTimestamp).toBeNull()
  await ann.caller.pod.recreate({ ...at('placed'), labels: {}, annotations: {}, spec: placed() })
  await gone(old.metadata.uid)
  const next = await ann.caller.pod.get(at('placed'))
  expect(next.status.podIPs).toEqual(['10.244.0.99'])
  await ann.caller.securityGroup.create({ tenant, name: 'short', spec: {} })
  await ann.caller.pod.recreate({ ...at('placed'), labels: {}, annotations: {}, spec: placed({ securityGroups: ['short'] }) })
  await ann.caller.securityGroup.delete({ tenant, name: 'short' })
  await gone(next.metadata.uid)
  expect((await ann.caller.pod.successor(at('placed'))).successor).toMatchObject({ state: 'failed', problem: expect.stringContaining('the security group "short" does not exist') as string })
})

it('lets the pod go for good where it is deleted with others', async () => {
  const old = await create('bulk')
  await recreate('bulk')
  await ann.caller.pod.deleteMany({ tenant: ann.tenant.slug, pods: [{ name: 'bulk' }] })
  await gone(old.metadata.uid)
  await expect(ann.caller.pod.get(at('bulk'))).rejects.toMatchObject({ cause: { code: 'not_found' } })
})

/** Until somebody waits for a row that another holds. */
const waitsForLock = () => vi.waitFor(async () => expect(await server.db.$queryRaw`select 1 from pg_stat_activity where "datname" = current_database() and "wait_event_type" = 'Lock'`).toHaveLength(1), { timeout: 15_000, interval: 10 })
