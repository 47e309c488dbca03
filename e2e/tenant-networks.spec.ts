import type { Tenant } from './fixtures/accounts'
import { hypernetes } from './fixtures/hypernetes-manifests'
import { deleteAllPods, runIn, waitForPod, type PodReference } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import { takeTraces, takeTracesAtRest } from './fixtures/traces'

/** Says its own name to whoever connects to port 8080; on 9000 it says a line every 0.2 s for as long as somebody listens. */
const web = (name: string, image: string) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ns1, labels: {app: nginx}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: nginx
      image: ${image}
      command:
        - sh
        - -c
        - |
          printf '#!/bin/sh\\necho ${name}\\n' > /tmp/name; printf '#!/bin/sh\\nwhile echo tick; do sleep 0.2; done\\n' > /tmp/ticks; chmod +x /tmp/name /tmp/ticks
          nc -ll -p 9000 -e /tmp/ticks & exec nc -ll -p 8080 -e /tmp/name
      ports: [{name: web, containerPort: 8080}, {name: ticks, containerPort: 9000}]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, timeoutSeconds: 10}
`

/** Hypernetes' own type of a service with addresses outside; and a headless one. */
const services = `apiVersion: v1
kind: Service
metadata: {name: nginx, namespace: ns1, labels: {app: nginx}}
spec:
  type: NetworkProvider
  externalIPs: [198.51.100.10]
  selector: {app: nginx}
  ports:
    - {name: web, port: 80, targetPort: web}
    - {name: ticks, port: 9000}
---
apiVersion: v1
kind: Service
metadata: {name: nginx-pods, namespace: ns1}
spec:
  clusterIP: None
  selector: {app: nginx}
  ports: [{name: web, port: 8080}]
`

/** Listens to the service's ticks for as long as it runs. */
const client = (image: string) => `apiVersion: v1
kind: Pod
metadata: {name: client, namespace: ns1}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: client, image: ${image}, command: [sh, -c, 'while :; do nc nginx 9000 >> /tmp/ticked; sleep 0.5; done']}]
`

const group = (ports: string) => `apiVersion: v1
kind: SecurityGroup
metadata: {name: web}
spec:
  network: net1
  podSelector: {matchLabels: {app: nginx}}
  rules: [{direction: ingress, protocol: tcp, ports: ${ports}}]
`

const asker: PodReference = { namespace: 'ns1', name: 'client' }

async function apply(tenant: Tenant, yaml: string): Promise<void> {
  const { results } = await tenant.api['manifest.apply'].mutate({ tenant: tenant.slug, yaml })
  expect(results.flatMap((result) => result.problems)).toEqual([])
}

const ready = (tenant: Tenant, name: string) => waitForPod(tenant, { namespace: 'ns1', name }, ({ status }) => status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
const shell = async (tenant: Tenant, command: string) => (await runIn(tenant, asker, 'sh', '-c', command)).stdout

/** Who answers so many connections to the service, by name; after one that nobody answers there is no other. */
async function answering(tenant: Tenant, host: string, times: number): Promise<string[]> {
  const said = await shell(tenant, `for i in $(seq ${times}); do nc -w 10 ${host} </dev/null || { echo nobody; break; }; done`)
  return [...new Set(said.trim().split('\n'))].sort()
}

test('the Network, Namespace, Pods and Service of 2016 as they were written: names, services and rules work from a pod, and all of it deletes to nothing', async ({ tenant, registry }) => {
  test.setTimeout(400_000)
  await registry.pushBusybox('net/tools:1')
  const image = `${registry.host}/net/tools:1`
  // The host's own trial VM, as it looks for an accelerator, may be running still.
  const before = await takeTracesAtRest()
  await apply(tenant, `${hypernetes(tenant.id)}---\n${services}---\n${web('nginx-0', image)}---\n${web('nginx-1', image)}---\n${client(image)}`)
  await Promise.all(['nginx-0', 'nginx-1', 'client'].map((name) => ready(tenant, name)))

  await test.step('names', async () => {
    // A pod that is ready is told to the resolver a moment later.
    const podsByName = async () => [...(await shell(tenant, 'nslookup -type=a nginx-pods.ns1.svc.cluster.local')).matchAll(/Address:\s+192\.168\.0\.(?!1\b)\d+/g)].length
    await expect.poll(podsByName, { timeout: 60_000 }).toBe(2)
    const service = await shell(tenant, 'nslookup nginx.ns1.svc.cluster.local')
    expect(service).toMatch(/Address:\s+10\.96\.\d+\.\d+/)
    expect(await shell(tenant, 'nslookup -type=srv _web._tcp.nginx.ns1.svc.cluster.local')).toContain('nginx.ns1.svc.cluster.local')
    const address = /Address:\s+(10\.96\.\d+\.\d+)/.exec(service)?.[1] ?? ''
    expect(await shell(tenant, `nslookup ${address}`)).toContain('nginx.ns1.svc.cluster.local')
    expect(await shell(tenant, 'nslookup nothing.ns1.svc.cluster.local 2>&1 || true')).toContain('NXDOMAIN')
  })

  await test.step('a service, by its short name, reaches each of its pods and no other', async () => {
    await expect.poll(() => answering(tenant, 'nginx 80', 12), { timeout: 60_000 }).toEqual(['nginx-0', 'nginx-1'])
  })

  await test.step('a pod that is deleted takes no more connections', async () => {
    await tenant.api.pod.delete.mutate({ tenant: tenant.slug, namespace: 'ns1', name: 'nginx-1', graceSeconds: 1 })
    await expect.poll(() => answering(tenant, 'nginx 80', 6), { timeout: 60_000 }).toEqual(['nginx-0'])
  })

  await test.step('a rule that is taken away cuts an open connection, and no other', async () => {
    await apply(tenant, group('[{port: 8080}, {port: 9000}]'))
    const ticks = async () => Number(await shell(tenant, 'wc -l < /tmp/ticked'))
    const grown = async () => {
      const first = await ticks()
      await shell(tenant, 'sleep 1')
      return (await ticks()) - first
    }
    await expect.poll(grown, { timeout: 60_000 }).toBeGreaterThan(0)
    await apply(tenant, group('[{port: 8080}]'))
    await expect.poll(grown, { timeout: 20_000 }).toBe(0)
    expect(await answering(tenant, 'nginx 80', 3)).toEqual(['nginx-0'])
    await apply(tenant, group('[{port: 8080}, {port: 9000}]'))
    // A connection anew: the one that was cut goes on when TCP tries again, and that is longer and longer.
    await expect.poll(() => shell(tenant, 'nc -w 10 nginx 9000 </dev/null | head -n 1'), { timeout: 60_000 }).toContain('tick')
  })

  await test.step('all of it deletes to nothing', async () => {
    await deleteAllPods(tenant)
    await tenant.api.manifest.delete.mutate({ tenant: tenant.slug, kind: 'SecurityGroup', name: 'web' })
    await tenant.api.manifest.delete.mutate({ tenant: tenant.slug, kind: 'Namespace', name: 'ns1' })
    // Sooner than their controllers look again by themselves.
    await expect.poll(async () => (await tenant.api.namespace.list.query({ tenant: tenant.slug })).items.map(({ metadata }) => metadata.name), { timeout: 25_000 }).toEqual(['default'])
    await tenant.api.manifest.delete.mutate({ tenant: tenant.slug, kind: 'Network', name: 'net1' })
    await expect.poll(async () => (await tenant.api.network.list.query({ tenant: tenant.slug })).items.map(({ metadata }) => metadata.name), { timeout: 25_000 }).toEqual(['default'])
    await expect.poll(takeTraces, { timeout: 120_000 }).toEqual(before)
  })
})
