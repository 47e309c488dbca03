import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Assignment, DesiredMessage, PodReport } from '@/contracts/host/v1'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { streamResult } from '@/contracts/host/v1/streams'
import { balancerLogLine } from '@/domain/load-balancer/view'
import { buildGuestImage } from '@/guest/image/build'
import { backend, balancer, listener } from '@/host/balancers/testing/balancer-lab'
import { TestServer } from '@/host/control/testing/test-server'
import { sampleReference } from '@/host/images/sample/sample-image'
import { testAssignment } from '@/host/pods/testing/assignment'
import { lendTemplates } from '@/host/pods/testing/lent-templates'
import { UidPool } from '@/host/pods/uid-pool'
import { run } from '@/platform/exec'
import { anewOnRetry } from '@/tools/testing/anew'

const root = join(import.meta.dirname, '..')
let folder: string
let server: TestServer
let bundle: string
let environment: NodeJS.ProcessEnv
let agent: ChildProcess | null = null
let output = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-'))
  server = await TestServer.start()
  await lendTemplates(join(folder, 'host'))
  // Beside the sources, where its packages are found.
  bundle = join(root, 'node_modules', '.cache', `host-${process.pid}.mjs`)
  await build({ absWorkingDir: root, entryPoints: ['host/main.ts'], outfile: bundle, bundle: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external', logLevel: 'silent' })
  const guest = await buildGuestImage({ outDir: join(root, 'node_modules/.cache/hypernetes-guest') })
  environment = {
    NODE_ENV: 'test',
    PATH: process.env.PATH,
    HYPERNETES_DATA: folder,
    HYPERNETES_SERVER_URL: server.url,
    HYPERNETES_ACCEL: 'tcg',
    HYPERNETES_TB_SIZE_MIB: '32',
    HYPERNETES_GUEST_KERNEL: guest.kernel,
    HYPERNETES_GUEST_INITRAMFS: guest.initramfs,
    HYPERNETES_GUEST_VERSION: guest.version,
  }
})

afterEach(killAgent)
anewOnRetry(killAgent, endWhatIsLeft)
afterAll(async () => {
  // Nothing runs here any more unless a test failed.
  for (const pid of await virtualMachines()) process.kill(pid, 'SIGKILL')
  // An agent that was killed and not begun anew leaves the machine's way for what is of its pool.
  await run('ip', ['route', 'delete', 'unreachable', '198.18.230.0/24', 'metric', '4294967295']).catch(() => undefined)
  await server.stop()
  await rm(bundle, { force: true })
  await rm(folder, { recursive: true, force: true })
})

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}\n${output.slice(-4000)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function desire(...assignments: Assignment[]): void {
  const message: DesiredMessage = { kind: 'desired', revision: String(Math.random()), assignments }
  server.first = [message]
  server.send(message)
}

async function startAgent(): Promise<ChildProcess> {
  const hellos = server.hellos.length
  const child = spawn(process.execPath, ['--enable-source-maps', bundle], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  agent = child
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await until('the hello', () => server.hellos.length > hellos || child.exitCode !== null)
  return child
}

async function killAgent(): Promise<void> {
  if (agent && agent.exitCode === null && agent.signalCode === null) await endAgent(agent, 'SIGKILL')
}

/** Pods and balancers of a try that failed go as any that are wanted no more. */
async function endWhatIsLeft(): Promise<void> {
  desire()
  server.first.push({ kind: 'externalObjects', complete: true, set: [], remove: [] })
  const one = await startAgent()
  await until('nothing is left of another try', async () => (await Promise.all(['pods', 'ledger', 'logs', 'balancers'].map((name) => readdir(join(folder, 'host', name)).catch(() => [])))).every(({ length }) => length === 0))
  await endAgent(one, 'SIGTERM')
}

async function endAgent(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** The newest report of a pod by the agent that runs now. */
function latest(pod: Assignment): PodReport | undefined {
  const bootId = server.hellos.at(-1)?.bootId
  return server.reports.filter((r) => r.bootId === bootId).flatMap((r) => r.pods).findLast((p) => p.uid === pod.uid)
}

const isReady = (pod: Assignment) => () => latest(pod)?.conditions.some((c) => c.type === 'Ready' && c.status === 'True') ?? false

/** Numbers of the processes that run as pods of this test's agent; what boots to become a template is none. */
async function virtualMachines(): Promise<number[]> {
  const { range, serviceUid } = new UidPool((await readFile(join(folder, 'host', 'tag'), 'utf8')).trim())
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1)
    if (uid > serviceUid && uid <= range.last && !/^State:\s+Z/m.test(status)) found.push(Number(pid))
  }
  return found
}

async function runIn(pod: Assignment, command: string[]): Promise<{ exitCode: number | null; output: string }> {
  const path = `/ws/host-stream/${Math.random()}`
  const dialled = server.expectStream(path)
  server.send({ kind: 'open', url: path, request: { kind: 'exec', podUid: pod.uid, container: null, command, tty: false, stdin: false, columns: 80, rows: 24, timeoutSeconds: 30 } })
  const socket = await dialled
  const parts: Buffer[] = []
  let exitCode: number | null = null
  socket.on('message', (data: Buffer) => {
    if (data[0] === 3) exitCode = streamResult.parse(JSON.parse(data.subarray(1).toString())).exitCode
    else parts.push(data.subarray(1))
  })
  await once(socket, 'close')
  return { exitCode, output: Buffer.concat(parts).toString() }
}

describe('the host agent', () => {
  it('runs a pod for a server, survives its own end in each way, and leaves nothing of the pod', async () => {
    const pod = testAssignment({ containers: [{ name: 'web', image: sampleReference }] })
    desire(pod)
    const first = await startAgent()
    await until('the pod is ready', isReady(pod))
    expect(await runIn(pod, ['sh', '-c', 'echo "$HOSTNAME"; exit 5'])).toEqual({ exitCode: 5, output: 'web\n' })
    const state: unknown = JSON.parse(await readFile(join(folder, 'host', 'state.json'), 'utf8'))
    expect(state).toMatchObject({ ready: true, accelerator: 'tcg', pid: first.pid })
    const [vm, ...others] = await virtualMachines()
    expect([vm !== undefined, others]).toEqual([true, []])

    await endAgent(first, 'SIGKILL')
    expect(await virtualMachines()).toEqual([vm])
    const second = await startAgent()
    await until('the pod is taken up after a crash', isReady(pod))
    expect(await virtualMachines()).toEqual([vm])

    await endAgent(second, 'SIGUSR2')
    expect(second.exitCode).toBe(0)
    expect(await virtualMachines()).toEqual([vm])
    const third = await startAgent()
    await until('the pod is taken up after a replacement', isReady(pod))
    expect(await runIn(pod, ['cat', '/proc/uptime'])).toMatchObject({ exitCode: 0 })

    await endAgent(third, 'SIGTERM')
    expect(third.exitCode).toBe(0)
    expect(await virtualMachines()).toEqual([])
    const fourth = await startAgent()
    await until('the pod is started again', isReady(pod))
    expect(latest(pod)?.containers[0]).toMatchObject({ restartCount: 1 })
    expect(await virtualMachines()).not.toContain(vm)

    desire({ ...pod, deletion: { graceSeconds: 10 } })
    await until('the pod is gone', () => latest(pod)?.phase === 'Gone')
    desire()
    expect(await virtualMachines()).toEqual([])
    const tag = (await readFile(join(folder, 'host', 'tag'), 'utf8')).trim()
    expect((await readdir('/run/netns').catch(() => [])).filter((name) => name.includes(tag))).toEqual([])
    for (const name of ['pods', 'ledger', 'logs']) expect(await readdir(join(folder, 'host', name))).toEqual([])
    await endAgent(fourth, 'SIGTERM')
  })

  it('killed in the middle of a start, leaves it to the next one, which runs the pod once', async () => {
    let agentNow = await startAgent()
    for (const step of ['network', 'vm', 'guest', 'containers']) {
      const pod = testAssignment({ containers: [{ name: 'web', image: sampleReference }] })
      desire(pod)
      await until(`the step "${step}" of a start`, () => latest(pod)?.startSteps.some(({ name }) => name === step) ?? false)
      await endAgent(agentNow, 'SIGKILL')
      agentNow = await startAgent()
      await until(`the pod is ready after the agent was killed at "${step}"`, isReady(pod))
      expect(await virtualMachines(), step).toHaveLength(1)
      expect(latest(pod)?.containers[0]?.restartCount, step).toBeLessThanOrEqual(1)
      desire({ ...pod, deletion: { graceSeconds: 0 } })
      await until('the pod is gone', () => latest(pod)?.phase === 'Gone')
      desire()
      expect(await virtualMachines(), step).toEqual([])
      for (const name of ['pods', 'ledger', 'logs']) expect(await readdir(join(folder, 'host', name)), step).toEqual([])
    }
    await endAgent(agentNow, 'SIGTERM')
  })

  it('answers for a balancer, which outlives it, ends with its pods, and is begun anew with them', async () => {
    const one = balancer(7, { addresses: ['198.18.230.7'], listeners: [listener(80, 'http', 'web')], backends: [backend('web', 'http')] })
    const two = balancer(8, { addresses: ['198.18.230.8'], listeners: [listener(80, 'http', 'web')], backends: [backend('web', 'http')] })
    /** Of this test's agent: their argument list names its folder. */
    const haproxies = async () => {
      const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
      return all.filter((line) => line.startsWith('bwrap') && line.includes(join(folder, 'host', 'balancers'))).length
    }
    const say = (...set: ExternalObject[]) => {
      const pool: ExternalObject = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.230.0/24', gateway: '198.18.230.1' }
      server.first = [{ kind: 'desired', revision: '1', assignments: [] }, { kind: 'externalObjects', complete: true, set: [pool, ...set], remove: [] }]
    }
    const phase = () => server.reports.filter(({ bootId }) => bootId === server.hellos.at(-1)?.bootId).flatMap(({ external }) => external ?? []).findLast(({ uid }) => uid === one.uid)?.phase
    const answers = () => run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20', 'http://198.18.230.7/']).then(({ stdout }) => Number(stdout), () => null)
    say(one)
    const first = await startAgent()
    expect(server.hellos.at(-1)?.capabilities).toContain('externalObjects')
    await until('the balancer is active', () => phase() === 'Active')
    // It has nobody behind it, and says so.
    expect(await answers()).toBe(503)
    expect(await haproxies()).toBeGreaterThan(0)
    await endAgent(first, 'SIGKILL')
    expect(await answers()).toBe(503)
    const second = await startAgent()
    await until('the balancer is taken up', () => phase() === 'Active')
    // As pods stop, the server says that they are ready no more: nothing is brought up for that.
    const lateWords = setInterval(() => server.send({ kind: 'externalObjects', complete: false, set: [{ kind: 'backendServers', balancerUid: one.uid, backend: 'web', servers: [] }, two], remove: [] }), 10)
    await endAgent(second, 'SIGTERM')
    clearInterval(lateWords)
    expect(second.exitCode).toBe(0)
    const tag = (await readFile(join(folder, 'host', 'tag'), 'utf8')).trim()
    const namespaces = async () => (await readdir('/run/netns').catch(() => [])).filter((name) => name.includes(tag))
    const left = async () => [...await namespaces(), ...(await run('ip', ['-o', 'link'])).stdout.split('\n').filter((line) => line.includes(`: hx${tag}-`)), ...await readdir(join(folder, 'host', 'balancers')), ...(await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(join(folder, 'host', 'balancers')))]
    expect(await left()).toEqual([])
    expect(await haproxies()).toBe(0)
    const third = await startAgent()
    await until('the balancer is begun anew', () => phase() === 'Active')
    expect(await answers()).toBe(503)
    const asked = `/ws/host-stream/${Math.random()}`
    const dialled = server.expectStream(asked)
    server.send({ kind: 'openBalancerLog', url: asked, balancerUid: one.uid, tailLines: 10, follow: false })
    const socket = await dialled
    const lines: string[] = []
    socket.on('message', (data: Buffer) => data[0] === 1 && lines.push(data.subarray(1).toString()))
    await once(socket, 'close')
    expect(lines.map((line) => balancerLogLine.parse(JSON.parse(line)))).toMatchObject([{ status: 503, path: '/', backend: 'web' }])
    say()
    server.send({ kind: 'externalObjects', complete: false, set: [], remove: [`balancer/${one.uid}`] })
    await until('the balancer is gone', () => phase() === 'Gone')
    expect(await namespaces()).toEqual([])
    expect(await readdir(join(folder, 'host', 'balancers'))).toEqual([])
    await endAgent(third, 'SIGTERM')
  })

  it('waits for another agent of the same folder, and is not confused by it', async () => {
    const first = await startAgent()
    const hellos = server.hellos.length
    const second = spawn(process.execPath, [bundle], { env: environment, stdio: 'ignore' })
    onTestFinished(() => void second.kill('SIGKILL'))
    await endAgent(first, 'SIGUSR2')
    await until('the second one speaks', () => server.hellos.length > hellos)
    await endAgent(second, 'SIGTERM')
    expect(second.exitCode).toBe(0)
  })
})
