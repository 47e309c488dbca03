import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { judgeConfiguration } from './configuration'
import { podController } from './controller'

describe('what is said of what a pod names', () => {
  const object = (name: string, over: object = {}) => ({ kind: 'ConfigMap' as const, name, optional: false, uid: 'u', revision: 1n, bytes: 1, fits: true, ...over })
  it('is all there', () => expect(judgeConfiguration({ namespace: 'default', objects: [object('a'), object('b', { uid: null, optional: true })] })).toMatchObject({ status: 'True', reason: 'ConfigurationFound' }))
  it('names what is missing and what to do, a few of many', () => {
    expect(judgeConfiguration({ namespace: 'shop', objects: [object('a', { uid: null })] })).toEqual({ status: 'False', reason: 'ConfigurationMissing', message: 'ConfigMap "a" does not exist in namespace "shop": create it, or mark the reference optional.' })
    const { message } = judgeConfiguration({ namespace: 'shop', objects: Array.from({ length: 9 }, (_, i) => object(`m${i}`, { uid: null })) })
    expect(message).toContain('"m4"')
    expect(message).not.toContain('"m5"')
    expect(message).toContain('4 more are missing.')
  })
  it('names what has no room', () => expect(judgeConfiguration({ namespace: 'shop', objects: [object('a'), object('big', { fits: false })] })).toMatchObject({ status: 'False', reason: 'ConfigurationTooLarge', message: expect.stringContaining('ConfigMap "big" has no room') }))
})

describe('a pod that names objects', () => {
  let server: Awaited<ReturnType<typeof startTestServer>>
  let ann: Awaited<ReturnType<typeof server.signUp>>
  let tenant = ''
  beforeAll(async () => {
    server = await startTestServer()
    ann = await server.signUp('ann')
    tenant = ann.tenant.slug
  })
  afterAll(() => server.stop())
  const reconcile = (key: string) => podController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, key)
  /** As the feed wakes it: by the newest change of the kind. */
  const reconcileChange = async (kind: string) => {
    const row = await server.db.change.findFirstOrThrow({ where: { kind }, orderBy: { seq: 'desc' } })
    for (const key of podController.keysOf({ cursor: { epoch: '', xid: '0', seq: '0' }, kind, uid: row.objectUid, tenantId: row.tenantId, namespace: row.namespace, name: row.name, action: 'added', oldLabels: null, newLabels: null })) await reconcile(key)
  }
  const condition = async (name: string) => (await ann.caller.pod.get({ tenant, name })).status.conditions.find((c) => c.type === 'ConfigurationAvailable')
  const spec = (optional = false) => ({ containers: [{ name: 'a', image: 'busybox', envFrom: [{ configMapRef: { name: 'settings', optional } }], env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'login', key: 'p', optional } } }] }], imagePullSecrets: [{ name: 'registry' }] })

  it('is accepted while they are missing, says so with an event, and says when they are there', async () => {
    const { metadata } = await ann.caller.pod.create({ tenant, name: 'web', spec: spec() })
    await reconcile(metadata.uid)
    expect(await condition('web')).toMatchObject({ status: 'False', reason: 'ConfigurationMissing', message: expect.stringContaining('ConfigMap "settings" does not exist in namespace "default"') })
    expect((await condition('web'))?.message).toContain('Secret "login"')
    await ann.caller.configMap.create({ tenant, name: 'settings' })
    await reconcileChange('ConfigMap')
    expect((await condition('web'))?.message).not.toContain('settings')
    await ann.caller.secret.create({ tenant, name: 'login', stringData: { p: 'x' } })
    await reconcileChange('Secret')
    expect(await condition('web')).toMatchObject({ status: 'True', reason: 'ConfigurationFound' })
    const events = (await ann.caller.event.list({ tenant, kind: 'Pod', name: 'web' })).items.filter((e) => e.reason === 'ConfigurationMissing')
    expect(events.map((e) => e.type)).toEqual(['Warning', 'Warning'])
    await ann.caller.configMap.delete({ tenant, name: 'settings' })
    await reconcileChange('ConfigMap')
    expect(await condition('web')).toMatchObject({ status: 'False', reason: 'ConfigurationMissing' })
  })

  it('needs none that is optional, and another tenant\'s are not its own', async () => {
    const { metadata } = await ann.caller.pod.create({ tenant, name: 'easy', spec: spec(true) })
    await reconcile(metadata.uid)
    expect(await condition('easy')).toMatchObject({ status: 'True' })
    const bob = await server.signUp('bob')
    await bob.caller.configMap.create({ tenant: bob.tenant.slug, name: 'settings' })
    await reconcileChange('ConfigMap')
    expect(await condition('web')).toMatchObject({ status: 'False' })
  })

  it('has no such condition when it names nothing, nor once it is being deleted', async () => {
    const plain = await ann.caller.pod.create({ tenant, name: 'plain', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    await reconcile(plain.metadata.uid)
    expect(await condition('plain')).toBeUndefined()
    const gone = await ann.caller.pod.create({ tenant, name: 'gone', spec: spec() })
    await ann.caller.pod.delete({ tenant, name: 'gone' })
    await reconcile(gone.metadata.uid)
    expect(await server.db.objectCondition.count({ where: { objectUid: gone.metadata.uid } })).toBe(0)
  })
})
