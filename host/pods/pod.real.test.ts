import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assignment, PodReport } from '@/contracts/host/v1'
import { buildGuestImage } from '@/guest/image/build'
import { busyboxRoot } from '@/host/images/sample/busybox'
import { tarArchive } from '@/host/images/tar/archive'
import { samplePort, sampleReference } from '@/host/images/sample/sample-image'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import { anewOnRetry } from '@/tools/testing/anew'
import { endEach } from '@/tools/testing/cleanup'
import { openHost, type OpenHost } from './open-host'
import { killStrayProcesses } from './stray-processes'
import { testAssignment } from './testing/assignment'
import { testHostTag } from './testing/host-tag'
import { keepTemplates, lendTemplates } from './testing/lent-templates'
import { UidPool } from './uid-pool'

const hostTag = testHostTag()
let folder: string
let host: OpenHost
let guest: { kernel: string; initramfs: string; version: string }

async function open(): Promise<OpenHost> {
  const log = logger('test')
  log.level = 'fatal'
  const settings = { defaultRegistry: 'docker.io', insecureRegistries: ['127.0.0.1:1'], accelerator: 'tcg' as const, guest, templates: 'tenant-copy' as const, concurrentStarts: 2, tbSizeMiB: 32 }
  return openHost({ ...settings, folder, hostTag, scratchBytes: 256 << 20, log }, new AbortController().signal)
}

const up = async () => {
  folder = await mkdtemp(join(tmpdir(), 'host-'))
  guest = await buildGuestImage({ outDir: join(import.meta.dirname, '../../node_modules/.cache/hypernetes-guest') })
  await lendTemplates(folder)
  host = await open()
}

/** Each whatever became of those before it: a test may have failed while no host was open. */
const down = () => endEach([
  { what: 'the pods of a host', end: endPods, withinMs: 150_000 },
  { what: 'the virtual machines of a host', end: () => killStrayProcesses(new UidPool(hostTag).range, new Set(), folder) },
  { what: 'a host', end: () => host.close() },
  { what: 'the templates of a host', end: () => keepTemplates(folder) },
  { what: 'the folder of a host', end: () => rm(folder, { recursive: true, force: true }) },
])

beforeAll(up)
anewOnRetry(down, up)
// Longer than all of it may take.
afterAll(down, 600_000)

async function endPods(): Promise<void> {
  host.pods.apply([])
  await until(() => host.pods.reports().every((r) => r.phase === 'Gone'))
}

/** Waits for a condition, at most 120 s. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${JSON.stringify(host.pods.reports(), null, 1)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const report = (pod: Assignment): PodReport | null => host.pods.report(pod.uid)

async function runIn(pod: Assignment, ...args: string[]): Promise<{ exitCode: number; output: string }> {
  const output: Buffer[] = []
  const worker = host.pods.worker(pod.uid)
  if (!worker) throw new Error('no such pod')
  const process = await worker.exec(null, { args, stdin: false, terminal: null, onOutput: async (_stream, bytes) => void output.push(Buffer.from(bytes)) })
  const { exitCode } = await process.exited
  return { exitCode, output: Buffer.concat(output).toString() }
}

async function logOf(pod: Assignment, container = 'web', previous = false): Promise<string[]> {
  const lines: string[] = []
  for await (const record of host.logs.read(pod.uid, container, { previous, tailLines: null, since: null, follow: false }, new AbortController().signal)) lines.push(record.text.toString())
  return lines
}

/** All that this host has on the machine. */
async function footprint(): Promise<string[]> {
  const namespaces = (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(`hyp-${hostTag}-`))
  const links = (await run('ip', ['-o', 'link'])).stdout.split('\n').filter((line) => line.includes(hostTag))
  const files = await Promise.all(['pods', 'ledger', 'logs'].map(async (name) => (await readdir(join(folder, name))).map((file) => `${name}/${file}`)))
  const processes: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await run('cat', [`/proc/${pid}/cmdline`]).then((r) => r.stdout, () => '')
    if (command.includes('qemu-system') && command.includes(folder)) processes.push(pid)
  }
  return [...namespaces, ...links, ...files.flat(), ...processes]
}

let nextAddress = 10
const podNetwork = testAssignment().network
const newPod = (spec: Parameters<typeof testAssignment>[0]): Assignment => {
  nextAddress += 1
  const network = { ...podNetwork, number: 77, address: `10.0.0.${nextAddress}`, mac: `02:00:00:00:01:${nextAddress}` }
  return testAssignment({ containers: [{ name: 'web', image: sampleReference }], ...spec }, { network })
}
const qemuPid = async (pod: Assignment): Promise<number> => {
  const entry: unknown = JSON.parse((await run('cat', [join(folder, 'ledger', `${pod.uid}.json`)])).stdout)
  const pid = /"pid":(\d+)/.exec(JSON.stringify(entry))?.[1]
  return Number(pid)
}

describe('a pod on a real host', () => {
  it('runs, serves a command, is restarted when its VM is killed, is taken up by another agent, and leaves nothing', async () => {
    const before = await footprint()
    const pod = newPod({})
    host.pods.apply([pod])
    await until(() => report(pod)?.phase === 'Running')
    const running = report(pod)
    expect(running).toMatchObject({ startMode: 'template', containers: [{ state: 'Running', ready: true, restartCount: 0 }] })

    const name = await runIn(pod, 'hostname')
    expect(name).toEqual({ exitCode: 0, output: 'web\n' })
    const kernel = await runIn(pod, 'uname', '-r')
    expect(kernel.output).not.toBe((await run('uname', ['-r'])).stdout)
    expect((await runIn(pod, 'cat', '/etc/hosts')).output).toContain(`${pod.network.address}\tweb`)
    expect((await runIn(pod, 'ip', 'addr', 'show', 'eth0')).output).toContain(`${pod.network.address}/24`)
    await until(async () => (await logOf(pod)).some((line) => line.includes('sample: serving')))

    process.kill(await qemuPid(pod), 'SIGKILL')
    await until(() => report(pod)?.containers[0]?.restartCount === 1 && report(pod)?.phase === 'Running')
    expect(await logOf(pod, 'web', true)).toEqual(expect.arrayContaining([expect.stringContaining('sample: serving')]))

    const pid = await qemuPid(pod)
    await host.pods.leave(10_000)
    await host.close()
    process.kill(pid, 0)
    host = await open()
    await until(() => report(pod)?.conditions.find((c) => c.type === 'Ready')?.status === 'True')
    expect(await qemuPid(pod)).toBe(pid)
    expect((await runIn(pod, 'echo', 'again')).output).toBe('again\n')
    expect(report(pod)?.containers[0]?.restartCount).toBe(1)

    host.pods.apply([{ ...pod, deletion: { graceSeconds: 20 } }])
    await until(() => report(pod)?.phase === 'Gone')
    host.pods.apply([])
    expect(await footprint()).toEqual(before)
  })

  it('runs several containers of several images with a volume between them, and tells their ends', async () => {
    const config = { entrypoint: [], cmd: [], env: ['PATH=/bin'], workingDir: '/', user: '', exposedPorts: [] }
    await host.images.addLocal('test/other:1', tarArchive([...(await busyboxRoot()), { name: 'etc/other', content: 'x' }]), config)
    const pod = newPod({
      restartPolicy: 'Never',
      volumes: [{ name: 'shared', emptyDir: {} }],
      containers: [
        { name: 'writer', image: sampleReference, command: ['sh', '-c'], args: ['echo "$(WHO) writes" > /data/file; echo written; exit 0'], env: [{ name: 'WHO', value: 'first' }], volumeMounts: [{ name: 'shared', mountPath: '/data' }], securityContext: { runAsUser: 0 } },
        { name: 'reader', image: 'test/other:1', command: ['sh', '-c', 'until [ -s /data/file ]; do sleep 0.05; done; cat /data/file; exit 3'], volumeMounts: [{ name: 'shared', mountPath: '/data' }] },
      ],
    })
    host.pods.apply([pod])
    await until(() => report(pod)?.phase === 'Failed')
    expect(report(pod)?.containers).toMatchObject([{ state: 'Terminated', exitCode: 0, reason: 'Completed' }, { state: 'Terminated', exitCode: 3, reason: 'Error' }])
    expect(await logOf(pod, 'reader')).toEqual(['first writes'])
    host.pods.apply([])
    await until(() => report(pod)?.phase === 'Gone' || report(pod) === null)
  })

  it('starts init containers and a sidecar first, probes them, gives files and variables of a Secret, and tells why a container or a pod was ended', async () => {
    const secret = (password: string, revision: string) => ({ kind: 'configuration' as const, podUid: pod.uid, revision, objects: [{ kind: 'Secret' as const, name: 'db', type: 'Opaque', data: { password: Buffer.from(password).toString('base64') } }] })
    const own = { image: sampleReference, securityContext: { runAsUser: 0 }, env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }], volumeMounts: [{ name: 'shared', mountPath: '/data' }, { name: 'db', mountPath: '/db' }] }
    const probe = { periodSeconds: 1, timeoutSeconds: 20 }
    const pod = {
      ...newPod({
        volumes: [{ name: 'shared', emptyDir: {} }, { name: 'db', secret: { secretName: 'db' } }],
        initContainers: [
          { name: 'proxy', image: sampleReference, restartPolicy: 'Always', startupProbe: { ...probe, failureThreshold: 60, httpGet: { port: samplePort } } },
          { ...own, name: 'setup', command: ['sh', '-c', 'echo "setup $PASSWORD" > /data/setup'] },
        ],
        containers: [
          {
            ...{ ...own, name: 'web', command: ['sh', '-c', 'trap "echo stopped; echo bye > /dev/termination-log; exit 3" TERM; echo up; while :; do sleep 0.1; done'] },
            ...{ readinessProbe: { ...probe, tcpSocket: { port: samplePort } }, livenessProbe: { ...probe, failureThreshold: 1, exec: { command: ['test', '!', '-e', '/tmp/sick'] } } },
            lifecycle: { postStart: { httpGet: { port: samplePort } }, preStop: { exec: { command: ['sh', '-c', 'echo asked > /data/stop'] } } },
          },
        ],
      }),
      configurationRevision: 'r1',
    }
    const greedy = newPod({ containers: [{ name: 'web', image: sampleReference, command: ['sh', '-c', 'dd if=/dev/zero of=/tmp/fill bs=1M count=20; sleep 600'], resources: { limits: { 'ephemeral-storage': '10Mi' } }, readinessProbe: { exec: { command: ['sleep', '1000'] }, timeoutSeconds: 1, periodSeconds: 3, failureThreshold: 1 } }] })
    host.pods.configure(secret('hunter2', 'r1'))
    host.pods.apply([pod, greedy])
    // A probe that hangs is ended: no process of it is left, and the container is not ready for it.
    await until(() => report(greedy)?.conditions.some((c) => c.type === 'Ready' && c.message === 'Its readiness probe fails: command timed out after 1s') ?? false)
    await until(async () => !(await runIn(greedy, 'ps')).output.includes('sleep 1000'))
    await until(() => report(pod)?.conditions.find((c) => c.type === 'Ready')?.status === 'True')
    expect(report(pod)?.containers).toMatchObject([{ name: 'proxy', role: 'sidecar', state: 'Running', started: true, ready: true }, { name: 'setup', role: 'init', state: 'Terminated', reason: 'Completed' }, { name: 'web', role: 'container', ready: true, restartCount: 0 }])
    expect(report(pod)?.startSteps.map((step) => step.name)).toEqual(expect.arrayContaining(['vm', 'guest', 'containers', 'configuration', 'sidecar proxy', 'init setup', 'container web']))
    expect(await runIn(pod, 'sh', '-c', 'cat /data/setup /db/password; echo " $PASSWORD"')).toEqual({ exitCode: 0, output: 'setup hunter2\nhunter2 hunter2\n' })

    host.pods.configure(secret('changed', 'r2'))
    await until(async () => (await runIn(pod, 'cat', '/db/password')).output === 'changed')
    expect((await runIn(pod, 'sh', '-c', 'echo "$PASSWORD"')).output).toBe('hunter2\n')

    await runIn(pod, 'touch', '/tmp/sick')
    await until(() => report(pod)?.containers[2]?.restartCount === 1 && report(pod)?.containers[2]?.ready === true)
    expect(report(pod)?.containers[2]?.lastEnd).toMatchObject({ exitCode: 3, reason: 'Unhealthy', lastLines: ['up', 'stopped'], terminationMessage: 'bye\n', message: expect.stringContaining('liveness probe') })
    expect((await runIn(pod, 'sh', '-c', 'cat /data/stop; echo "$PASSWORD"')).output).toBe('asked\nchanged\n')
    expect((await run('cat', [join(folder, 'ledger', `${pod.uid}.json`)])).stdout).not.toMatch(/hunter2|changed/)

    await until(() => report(greedy)?.phase === 'Failed')
    expect(report(greedy)).toMatchObject({ reason: 'Evicted', message: expect.stringMatching(/^Container "web" wrote (1\d|20)(\.\d)? MiB to disk, more than its limit of 10 MiB/), containers: [{ state: 'Terminated', reason: 'Evicted' }] })
    host.pods.apply([])
    await until(() => [pod, greedy].every((each) => report(each)?.phase === 'Gone' || report(each) === null))
  })

  it('tells an image that cannot be had, with what to do', async () => {
    const pod = newPod({ containers: [{ name: 'web', image: '127.0.0.1:1/none:1' }] })
    host.pods.apply([pod])
    await until(() => report(pod)?.reason === 'ImageUnreachable')
    expect(report(pod)).toMatchObject({ phase: 'Starting', containers: [{ state: 'Waiting', reason: 'ImagePullBackOff', message: expect.stringContaining('tried again in 10 s') }] })
    host.pods.apply([])
    await until(() => report(pod)?.phase === 'Gone' || report(pod) === null)
  })

  it('leaves nothing of pods that are deleted at any moment of their start', async () => {
    const before = await footprint()
    const all = Array.from({ length: 8 }, () => newPod({}))
    host.pods.apply(all)
    const left = new Set(all)
    // One after another, each a step of the last one's start later.
    for (const pod of all) {
      const steps = report(pod)?.startSteps.length ?? 0
      await until(() => (report(pod)?.startSteps.length ?? 0) > Math.min(steps, 6) || report(pod)?.startedAt != null)
      left.delete(pod)
      host.pods.apply([...left])
    }
    await until(() => host.pods.reports().every((r) => r.phase === 'Gone'))
    host.pods.apply([])
    expect(await footprint()).toEqual(before)
  })

  it('stops the VMs at the end of the agent, and starts them at its next start', async () => {
    const pod = newPod({})
    host.pods.apply([pod])
    // The sample's shell takes a signal only once it serves.
    await until(async () => (await logOf(pod)).some((line) => line.includes('sample: serving')) && (await runIn(pod, 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${samplePort}/`)).exitCode === 0)
    const pid = await qemuPid(pod)
    await host.pods.suspend(10, 30_000)
    await host.close()
    expect(() => process.kill(pid, 0)).toThrow()
    host = await open()
    await until(() => report(pod)?.phase === 'Running' && report(pod)?.containers[0]?.state === 'Running')
    expect(report(pod)?.containers[0]?.restartCount).toBe(1)
    host.pods.apply([])
    await until(() => report(pod)?.phase === 'Gone' || report(pod) === null)
  })
})
