import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { changeEvent, type ChangeEvent } from '@/domain/shared/change-event'
import { startTestServer } from '@/server/api/testing/server'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
})
afterAll(() => server.stop())

/** An event with its id, as the caller hands it out. */
const tracked = z.tuple([z.string(), changeEvent]).rest(z.unknown())
type Event = ChangeEvent
type Watch = { next: () => Promise<Event>; end: () => Promise<unknown> }
async function open(of: 'service' | 'loadBalancer' | 'floatingAddress', input: { namespace?: string; resourceVersion?: string } = {}): Promise<Watch> {
  const events = (await ann.caller[of].watch({ tenant: ann.tenant.slug, ...input }))[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { value, done } = await events.next()
      if (done) throw new Error('the watch ended')
      return tracked.parse(value)[1]
    },
    end: async () => events.return?.(undefined),
  }
}
/** The next event but bookmarks. */
async function changed(watch: Watch): Promise<Event> {
  for (;;) {
    const event = await watch.next()
    if (event.type !== 'bookmark') return event
  }
}
const create = (caller: typeof ann, name: string, namespace = 'default') => caller.caller.service.create({ tenant: caller.tenant.slug, namespace, name, spec: { ports: [{ port: 80 }] } })

it('who watches is told that something changed, goes on from there, and is told of no other tenant, namespace or kind', async () => {
  await ann.caller.namespace.create({ tenant: ann.tenant.slug, name: 'two' })
  const watch = await open('service', { namespace: 'default' })
  const { resourceVersion } = await watch.next()
  await create(ann, 'one')
  const event = await changed(watch)
  expect(event.type).toBe('changed')
  await watch.end()

  const again = await open('service', { namespace: 'default', resourceVersion })
  expect((await changed(again)).type).toBe('changed')
  await again.end()

  const later = await open('service', { namespace: 'two', resourceVersion: event.resourceVersion })
  await create(bob, 'theirs')
  await create(ann, 'here')
  await create(ann, 'there', 'two')
  const types: string[] = []
  while (types.at(-1) !== 'changed') types.push((await later.next()).type)
  await later.end()
  // From after that one nothing was told but what is in its namespace: the one before it was passed over.
  const places = await open('service', { namespace: 'nowhere', resourceVersion: event.resourceVersion })
  const told = [(await places.next()).type, (await places.next()).type]
  expect(told).toEqual(['bookmark', 'bookmark'])
  await places.end()
})

it('a balancer\'s watch is told of what its host says of it, down to which servers are down', async () => {
  const { uid: sourceUid, networkId } = await server.db.service.findFirstOrThrow({ where: { tenantId: ann.tenant.id, name: 'one' } })
  const { uid } = await server.db.loadBalancer.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'one', source: 'Service', sourceUid, networkId } })
  const watch = await open('loadBalancer', { namespace: 'default' })
  await watch.next()
  for (const down of [[], ['web/10.0.0.2:80']]) {
    await server.db.loadBalancer.update({ where: { uid }, data: { report: { phase: 'Active', down } } })
    expect((await changed(watch)).type).toBe('changed')
  }
  await watch.end()
})

it('a watch that begins where the feed no longer reaches is told so', async () => {
  const watch = await open('floatingAddress', { resourceVersion: 'x.1.1' })
  await watch.next()
  await expect(watch.next()).rejects.toMatchObject({ code: 'gone' })
})

it('operators are told what changes of stores of volumes and what is kept there, and of nothing that tenants do with it', async () => {
  const operator = server.callerOf({ ...ann.actor, operator: true, kind: 'session', tenantId: null })
  await expect(ann.caller.volumeStore.watch({})).rejects.toThrow('A token cannot do this')
  const events = (await operator.volumeStore.watch({}))[Symbol.asyncIterator]()
  const watch: Watch = { next: async () => tracked.parse((await events.next()).value)[1], end: async () => events.return?.(undefined) }
  await watch.next()
  await operator.volumeStore.create({ name: 'local', spec: { kind: 'file' } })
  expect((await changed(watch)).type).toBe('changed')
  await operator.storageClass.create({ name: 'standard', spec: { store: 'local', default: true } })
  expect((await changed(watch)).type).toBe('changed')
  await ann.caller.volume.create({ tenant: ann.tenant.slug, name: 'data', spec: { size: '1Gi' } })
  const { resourceVersion } = await changed(watch)
  await watch.end()
  await ann.caller.volume.update({ tenant: ann.tenant.slug, name: 'data', labels: { a: 'b' } })
  const later = (await operator.volumeStore.watch({ resourceVersion }))[Symbol.asyncIterator]()
  const next = async () => tracked.parse((await later.next()).value)[1].type
  expect([await next(), await next()]).toEqual(['bookmark', 'bookmark'])
  await later.return?.(undefined)
})
