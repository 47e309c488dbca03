import { describe, expect, it } from 'vitest'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { ImageProblem, type ImageRequest } from '../ports'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'

const text = (value: string) => Buffer.from(value).toString('base64')
const object = (kind: ConfigurationObject['kind'], name: string, data: Record<string, string>, type = ''): ConfigurationObject => ({ kind, name, type, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value)])) })
const password = object('Secret', 'db', { password: 'hunter2' })
const withEnv = { containers: [{ name: 'web', image: 'one:1', env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }, { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }] }] }
const withFiles = { containers: [{ name: 'web', image: 'one:1', volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }], volumes: [{ name: 'conf', configMap: { name: 'app' } }] }

describe('a pod that names ConfigMaps and Secrets', () => {
  it('waits for the revision that its assignment names, then starts by itself', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment(withEnv, { configurationRevision: 'r2' }))
    worker.configure({ revision: 'r1', objects: [] })
    await settle()
    expect(host.calls).toEqual([])
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'WaitingForConfiguration' })
    worker.configure({ revision: 'r2', objects: [password] })
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Running', reason: '' })
    expect(host.started.get('web')?.env).toEqual(expect.arrayContaining(['PASSWORD=hunter2', 'HOST=host-1']))
  })

  it('starts at once where they came first', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment(withEnv, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [password] })
    await settle()
    expect(worker.report().phase).toBe('Running')
  })

  it('holds a container whose Secret is missing, tells which, and starts it once it is there', async () => {
    const host = new FakeHost()
    const { worker, status, eventsOf } = startWorker(host, testAssignment({ containers: [...withEnv.containers, { name: 'other', image: 'two:1' }] }, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [] })
    await settle()
    expect(status('web')).toMatchObject({ state: 'Waiting', reason: 'CreateContainerConfigError', message: 'Secret "db" does not exist in namespace "default": create it, or mark the reference optional.' })
    expect(status('other').state).toBe('Running')
    expect(eventsOf('CreateContainerConfigError')).toHaveLength(1)
    worker.configure({ revision: 'r2', objects: [] })
    await settle()
    expect(eventsOf('CreateContainerConfigError')).toHaveLength(1)
    worker.configure({ revision: 'r3', objects: [password] })
    await settle()
    expect(status('web')).toMatchObject({ state: 'Running', restartCount: 0, message: '' })
  })

  it('starts a container whose files came while its image was being mounted', async () => {
    const host = new FakeHost()
    let mounted: () => void = () => {}
    host.holds.set('vm.plug image1', new Promise((resolve) => (mounted = resolve)))
    let written: () => void = () => {}
    host.holds.set('guest.writeFiles conf', new Promise((resolve) => (written = resolve)))
    const { worker, status } = startWorker(host, testAssignment({ ...withFiles, containers: [{ name: 'first', image: 'two:1' }, ...withFiles.containers] }, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [] })
    await settle()
    expect(status('first').reason).toBe('FailedMount')
    worker.configure({ revision: 'r2', objects: [object('ConfigMap', 'app', { key: 'v' })] })
    await settle()
    mounted()
    await settle()
    written()
    await settle()
    expect([status('first').state, status('web').state]).toEqual(['Running', 'Running'])
  })

  it('keeps values out of the ledger, the events and the report', async () => {
    const host = new FakeHost()
    const { worker, events } = startWorker(host, testAssignment({ ...withEnv, volumes: [{ name: 's', secret: { secretName: 'db' } }] }, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [password] })
    await settle()
    host.guest.exit('web', 1)
    await settle()
    const said = JSON.stringify([[...host.ledger.values()], events, worker.report()])
    for (const secret of ['hunter2', text('hunter2')]) expect(said).not.toContain(secret)
  })

  it('can be deleted while it waits', async () => {
    for (const objects of [null, []]) {
      const host = new FakeHost()
      const { worker } = startWorker(host, testAssignment(withEnv, { configurationRevision: 'r1' }), null, objects && { revision: 'r1', objects })
      await settle()
      worker.remove(0)
      await host.clock.advance(10_000)
      await worker.finished
      expect(host.leftovers).toEqual([])
    }
  })

  it('gets the Secrets of its imagePullSecrets used for its images', async () => {
    const host = new FakeHost()
    const requests: Pick<ImageRequest, 'tenantId' | 'policy' | 'pullSecrets'>[] = []
    const { ensure } = host.images
    host.images.ensure = (reference, options) => {
      requests.push(options)
      return ensure(reference, options)
    }
    const registry = object('Secret', 'registry', { '.dockerconfigjson': '{}' }, 'kubernetes.io/dockerconfigjson')
    startWorker(host, testAssignment({ containers: [{ name: 'web', image: 'one:1', imagePullPolicy: 'Always' }], imagePullSecrets: [{ name: 'registry' }, { name: 'missing' }] }, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [registry, password] })
    await settle()
    expect(requests).toMatchObject([{ tenantId: '0123456789abcdef0123456789abcdef', policy: 'Always', pullSecrets: [registry] }])
  })
})

describe('an image that could not be pulled', () => {
  it('is tried again at once when a pull Secret has come', async () => {
    const host = new FakeHost()
    host.fail('image one:1', 1, new ImageProblem('refused', 'one:1', 'The registry refuses it.'))
    const { worker } = startWorker(host, testAssignment({ containers: [{ name: 'web', image: 'one:1' }], imagePullSecrets: [{ name: 'registry' }] }, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [] })
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'ImageRefused' })
    worker.configure({ revision: 'r1', objects: [password] })
    await settle()
    expect(worker.report().phase).toBe('Running')
  })
})

describe('volumes of configuration', () => {
  const app = (value: string) => ({ revision: value, objects: [object('ConfigMap', 'app', { 'app.conf': value })] })

  it('are written before the containers start, and again when they change, while the container runs on', async () => {
    const host = new FakeHost()
    const { worker, status } = startWorker(host, testAssignment(withFiles, { configurationRevision: 'one' }), null, app('one'))
    await settle()
    expect(host.calls.filter((c) => /writeFiles|guest.start/.test(c))).toEqual(['guest.writeFiles conf', 'guest.start web'])
    expect(host.started.get('web')?.mounts).toEqual([{ volume: 'conf', path: '/conf', readOnly: true, subPath: '' }])
    expect(worker.report().startSteps.map((s) => s.name).slice(6)).toEqual(['containers', 'configuration', 'container web'])
    worker.configure({ ...app('one'), revision: 'same' })
    await settle()
    expect(host.calls.filter((c) => c.includes('writeFiles'))).toHaveLength(1)
    worker.configure(app('two'))
    await settle()
    expect(host.files.get('conf')).toEqual({ 'app.conf': 'two' })
    expect(status('web')).toMatchObject({ state: 'Running', restartCount: 0 })
  })

  it('that cannot be made hold every container, and are made once they can', async () => {
    const host = new FakeHost()
    const { worker, status, eventsOf } = startWorker(host, testAssignment(withFiles, { configurationRevision: 'r1' }), null, { revision: 'r1', objects: [] })
    await settle()
    expect(status('web')).toMatchObject({ state: 'Waiting', reason: 'FailedMount', message: expect.stringContaining('ConfigMap "app" does not exist') })
    expect(eventsOf('FailedMount').length).toBeGreaterThan(0)
    worker.configure(app('one'))
    await settle()
    expect(host.files.get('conf')).toEqual({ 'app.conf': 'one' })
    expect(status('web').state).toBe('Running')
    worker.configure({ revision: 'gone', objects: [] })
    await settle()
    expect(host.files.get('conf')).toEqual({ 'app.conf': 'one' })
    expect(status('web').state).toBe('Running')
  })

  it('of labels follow them', async () => {
    const host = new FakeHost()
    const spec = { ...withFiles, volumes: [{ name: 'conf', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }] }
    const assignment = testAssignment(spec, { labels: { app: 'a' } })
    const { worker } = startWorker(host, assignment)
    await settle()
    expect(host.files.get('conf')).toEqual({ labels: 'app="a"' })
    worker.assign({ ...assignment, generation: 2, labels: { app: 'b' } })
    await settle()
    expect(host.files.get('conf')).toEqual({ labels: 'app="b"' })
    expect(host.calls.filter((c) => c === 'vm.start')).toHaveLength(1)
  })

  it('wait after a start of the host agent until the configuration has come again; what runs goes on', async () => {
    const host = new FakeHost()
    startWorker(host, testAssignment({ ...withFiles, containers: [...withFiles.containers, { name: 'done', image: 'two:1' }] }, { configurationRevision: 'one' }), null, app('one'))
    await settle()
    const entry = structuredClone([...host.ledger.values()][0])
    if (!entry) throw new Error('no entry')
    host.guest.containers = [{ container: 'web', stream: 1, exited: null }, { container: 'done', stream: 2, exited: { exitCode: 1, signal: null, oomKilled: false, at: host.clock.now() } }]
    host.calls.length = 0
    const { worker, status } = startWorker(host, entry.assignment, entry)
    await settle()
    expect(status('web').state).toBe('Running')
    expect(status('done')).toMatchObject({ state: 'Waiting', reason: 'CreateContainerConfigError' })
    worker.configure(app('two'))
    await settle()
    expect(host.files.get('conf')).toEqual({ 'app.conf': 'two' })
    expect(status('done')).toMatchObject({ state: 'Running', restartCount: 1 })
  })
})
