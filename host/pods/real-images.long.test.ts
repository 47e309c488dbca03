import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import { pushDebianImage } from '@/host/images/testing/debian/push'
import { nginx, postgres, python } from '@/host/images/testing/debian/recipes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { startRegistry, type TestRegistry } from '@/host/images/testing/registry'
import { RealHost } from './testing/real-host'

let registry: TestRegistry
let host: RealHost
const images = { postgres: '', nginx: '', python: '' }

beforeAll(async () => {
  registry = await startRegistry()
  for (const [name, recipe] of [['postgres', postgres], ['nginx', nginx], ['python', python]] as const) images[name] = await pushDebianImage(registry.host, `debian/${name}:1`, recipe)
  host = await RealHost.open({ insecureRegistries: [registry.host], scratchBytes: 512 << 20 })
}, 400_000)

afterAll(async () => {
  await host.close()
  await registry.stop()
})

/** Fetches a page, tells it, also by the name of its output, and ends with a code of its own. */
const fetchScript = `import os, sys, urllib.request
with open('/dev/stdout', 'w') as output:
    output.write(f'user {os.getuid()}\\n')
print(sys.version_info[:2] >= (3, 11), sys.argv[1:], os.getcwd())
print(urllib.request.urlopen(os.environ['PAGE'], timeout=30).read().decode())
sys.exit(7)
`

/** Asks every port for its page and writes the names of those that answered into a file. */
const askAll = (ports: number[]) => `import time, urllib.request
for port in ${JSON.stringify(ports)}:
    while True:
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=10).read()
            break
        except OSError:
            time.sleep(0.2)
    with open('/shared/answered', 'a') as file:
        file.write(f'{port}\\n')
print('all answered', flush=True)
time.sleep(3600)
`

describe('images that nobody made for Hypernetes run unchanged', () => {
  it('PostgreSQL makes a database, answers, and finds its rows again after its container was started anew', async () => {
    const query = (...statements: string[]) => ['psql', '-U', 'postgres', '-At', ...statements.flatMap((each) => ['-c', each])]
    const pod = host.pod(
      {
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          {
            name: 'db',
            image: images.postgres,
            env: [{ name: 'POSTGRES_PASSWORD', value: 'analytical' }, { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' }],
            ports: [{ name: 'postgres', containerPort: 5432 }],
            volumeMounts: [{ name: 'data', mountPath: '/var/lib/postgresql/data' }],
            startupProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 1, failureThreshold: 180 },
            readinessProbe: { exec: { command: ['pg_isready', '-q'] }, periodSeconds: 1, timeoutSeconds: 10 },
          },
        ],
      },
      { memoryMiB: 512 },
    )
    host.apply([pod])
    await host.until(() => host.isReady(pod), 180_000)
    expect(await host.run(pod, query('select 1'))).toEqual({ exitCode: 0, output: '1\n' })
    expect(await host.run(pod, query('create table kept(word text)', "insert into kept values ('analytical')"))).toEqual({ exitCode: 0, output: 'CREATE TABLE\nINSERT 0 1\n' })

    await host.run(pod, ['sh', '-c', 'kill -INT 1'])
    await host.until(() => host.report(pod)?.containers[0]?.restartCount === 1)
    await host.until(() => host.isReady(pod), 120_000)
    expect(await host.run(pod, query('select * from kept'))).toEqual({ exitCode: 0, output: 'analytical\n' })
    expect(await host.log(pod, 'db', true)).toMatch(/initialized with locale[^]*database system is ready to accept connections[^]*database system is shut down/)
    expect(await host.log(pod, 'db')).not.toContain('initialized with locale')
    host.apply([])
    await host.until(() => host.report(pod)?.phase === 'Gone' || host.report(pod) === null)
  }, 400_000)

  it('nginx serves a page from a ConfigMap to its probe, through a tunnel and to Python in a pod beside it, whose exit code is told', async () => {
    const web = host.pod(
      {
        volumes: [{ name: 'pages', configMap: { name: 'pages' } }],
        containers: [
          {
            name: 'web',
            image: images.nginx,
            ports: [{ name: 'http', containerPort: 80 }],
            volumeMounts: [{ name: 'pages', mountPath: '/var/www/html' }],
            readinessProbe: { httpGet: { port: 'http', path: '/index.html' }, periodSeconds: 1, timeoutSeconds: 10 },
            livenessProbe: { tcpSocket: { port: 80 }, periodSeconds: 2, timeoutSeconds: 10 },
          },
        ],
      },
      {},
      'first',
    )
    const script = host.pod(
      {
        restartPolicy: 'Never',
        volumes: [{ name: 'scripts', configMap: { name: 'scripts' } }],
        containers: [{ name: 'fetch', image: images.python, command: ['python', '/scripts/fetch.py'], args: ['$(WORD)'], workingDir: '/srv', securityContext: { runAsUser: 65534, runAsNonRoot: true }, env: [{ name: 'WORD', value: 'analytical' }, { name: 'PAGE', value: `http://${web.network.address}/` }], volumeMounts: [{ name: 'scripts', mountPath: '/scripts' }] }],
      },
      {},
      'first',
    )
    host.configure(web, 'pages', { 'index.html': '<h1>first page</h1>' })
    host.apply([web])
    await host.until(() => host.isReady(web), 90_000)
    host.configure(script, 'scripts', { 'fetch.py': fetchScript })
    host.apply([web, script])
    await host.until(() => host.report(script)?.phase === 'Failed', 90_000)
    expect(host.report(script)?.containers[0]).toMatchObject({ exitCode: 7, reason: 'Error', signal: null })
    expect(await host.log(script, 'fetch')).toBe("user 65534\nTrue ['analytical'] /srv\n<h1>first page</h1>")

    // nginx opens /dev/stdout, its access log's other end, anew: the container's output must allow that.
    expect(await host.log(web, 'web')).toMatch(/GET \/ HTTP\/1.1" 200 .*Python-urllib/)
    host.configure(web, 'pages', { 'index.html': '<h1>second page</h1>' }, 'second')
    await host.until(async () => (await host.ask(web, 80, 'GET / HTTP/1.0\r\n\r\n')).includes('second page'))
    expect(host.report(web)?.containers[0]).toMatchObject({ restartCount: 0, ready: true })
    host.apply([])
    await host.until(() => [web, script].every((pod) => [undefined, 'Gone'].includes(host.report(pod)?.phase)))
  }, 400_000)

  it('ten containers of three images live in one pod: they share its network and a volume, and end one by one', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    const ports = [1, 2, 3, 4, 5, 6].map((n) => 8000 + n)
    const pod = host.pod(
      {
        volumes: [{ name: 'shared', emptyDir: {} }],
        containers: [
          { name: 'asks', image: images.python, command: ['python', '-c', askAll([80, 9000, ...ports])], volumeMounts },
          { name: 'web', image: images.nginx, volumeMounts },
          { name: 'files', image: images.python, args: ['python', '-m', 'http.server', '9000'], volumeMounts },
          ...ports.map((port) => ({ name: `sample-${port}`, image: sampleReference, env: [{ name: 'PORT', value: String(port) }], volumeMounts })),
          { name: 'waits', image: sampleReference, command: ['sh', '-c', 'until grep -q 8006 /shared/answered 2>/dev/null; do sleep 0.2; done; echo seen; exec sleep 3600'], volumeMounts },
        ],
      },
      { memoryMiB: 768 },
    )
    expect(pod.spec.containers).toHaveLength(10)
    host.apply([pod])
    await host.until(async () => (await host.log(pod, 'asks').catch(() => '')).includes('all answered'), 180_000)
    await host.until(async () => (await host.log(pod, 'waits')) === 'seen')
    const containers = (): PodReport['containers'] => host.report(pod)?.containers ?? []
    expect(containers().map(({ state, restartCount }) => [state, restartCount])).toEqual(Array.from({ length: 10 }, () => ['Running', 0]))

    // One that is ended is started again, and nobody else notices.
    await host.run(pod, ['sh', '-c', 'kill -INT 1'], 'files')
    await host.until(() => containers()[2]?.restartCount === 1 && containers()[2]?.state === 'Running')
    expect(containers().filter(({ restartCount }) => restartCount > 0)).toHaveLength(1)
    host.apply([])
    await host.until(() => [undefined, 'Gone'].includes(host.report(pod)?.phase))
  }, 400_000)
})
