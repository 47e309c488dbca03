import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { helloSignatureText, podReport, type Assignment, type PodReport, type ReportInput } from '@/contracts/host/v1'
import { settle } from '@/host/pods/testing/fake-clock'
import { FakeHost } from '@/host/pods/testing/fake-host'
import type { startTestServer } from '@/server/api/testing/server'
import { toNetworkObjects } from '@/server/drivers/native/network/objects'
import { hostRouter, type HostConnection } from '@/server/gateway/host-router'
import { HostSessions } from '@/server/gateway/host-sessions'
import { listAssignments, removePod } from '@/server/store/assignments'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { readNetworkState } from '@/server/store/network-state'
import { createEndpointsController } from '../controllers/endpoints/controller'
import { podController } from '../controllers/pod/controller'
import { scheduler } from '../scheduler/scheduler'
import { ModelAgent } from './model-agent'

type Server = Awaited<ReturnType<typeof startTestServer>>
export type Person = Awaited<ReturnType<Server['signUp']>>
type Policy = 'Always' | 'OnFailure' | 'Never'
/** A report on its way; `answer` tells the host what became of it. */
type Sent = { report: ReportInput; answer: (error: Error | null) => void }
type Connection = { agent: ModelAgent; caller: ReturnType<typeof hostRouter.createCaller>; desired: Assignment[][]; sent: Sent[]; isFirst: boolean }
/** What the test itself has done to a pod. */
export type Wanted = { uid: string; policy: Policy; touched: boolean; deleted: boolean }

const spki = (key: ReturnType<typeof generateKeyPairSync>['publicKey']) => key.export({ type: 'spki', format: 'der' }).toString('base64')
const waitMs = 1_000

/**
 * A server over a real database and one host of the real protocol and the real pods' workers, whose machine is made of
 * fakes. Everything that goes between them is handed over when the test says so: late, twice, on a connection that is over, or never.
 */
export class ModelWorld {
  readonly machine = new FakeHost()
  readonly wanted = new Map<string, Wanted>()
  private readonly keys = generateKeyPairSync('ed25519')
  private readonly boots: string[] = []
  private readonly stored = new Map<string, PodReport & { at: [boot: number, sequence: number] }>()
  private agent: ModelAgent | null = null
  private connection: Connection | null = null
  /** Reports of connections that are over, which the server may still take in. */
  private readonly late: { caller: Connection['caller']; report: ReportInput }[] = []
  readonly violations: string[] = []
  private readonly endpoints = createEndpointsController()
  private hostId = ''

  private constructor(
    private readonly server: Server,
    private readonly person: Person,
  ) {
    const start = this.machine.machinePort.start.bind(this.machine.machinePort)
    this.machine.machinePort.start = async (request, signal) => {
      if (this.machine.machines.has(`vm ${request.pod.uid}`)) this.violations.push(`pod ${request.pod.uid} runs twice`)
      return start(request, signal)
    }
  }

  static async open(server: Server, person: Person): Promise<ModelWorld> {
    const world = new ModelWorld(server, person)
    world.hostId = (await registerHost(server.db, `host-${randomUUID()}`, spki(world.keys.publicKey))).id
    await person.caller.service.create({ tenant: person.tenant.slug, name: 'web', spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } })
    world.startAgent()
    await world.connect()
    return world
  }

  /** How many accounts of VMs the agent that runs has given out. */
  get accounts(): number {
    return this.agent?.uids.size ?? 0
  }

  private get control() {
    return { db: this.server.db, log: this.server.server.log, feed: this.server.server.feed }
  }

  async create(name: string, policy: Policy): Promise<void> {
    if (this.wanted.get(name)?.deleted === false) return
    const created = await this.person.caller.pod.create({ tenant: this.person.tenant.slug, name, labels: { app: 'web' }, spec: { restartPolicy: policy, containers: [{ name: 'web', image: 'one:1', resources: { limits: { memory: '64Mi' } } }] } }).catch(() => null)
    if (created) this.wanted.set(name, { uid: created.metadata.uid, policy, touched: false, deleted: false })
  }

  async delete(name: string): Promise<void> {
    const pod = this.wanted.get(name)
    if (!pod || pod.deleted) return
    await this.person.caller.pod.delete({ tenant: this.person.tenant.slug, name, graceSeconds: 1 })
    pod.deleted = true
  }

  /** One round of the control process; another one, which also believes that it leads, does the same at once. */
  async reconcile(): Promise<void> {
    const round = async () => {
      await scheduler.reconcile(this.control, 'all')
      for (const key of await podController.allKeys(this.control)) await podController.reconcile(this.control, key)
    }
    await Promise.all([round(), round().catch(() => {})])
    await Promise.all([this.followPods(), this.followPods()])
    await this.lookAtEndpoints()
  }

  private async followPods(): Promise<void> {
    for (const key of await this.endpoints.allKeys(this.control)) await this.endpoints.reconcile(this.control, key)
  }

  /** The addresses that connections to the service go to, as hosts are told. */
  async targets(): Promise<string[]> {
    const { networkId } = await this.server.db.service.findFirstOrThrow({ where: { tenantId: this.person.tenant.id, name: 'web' }, select: { networkId: true } })
    const state = await readNetworkState(this.server.db, networkId)
    return (state ? toNetworkObjects(state) : []).flatMap((one) => (one.kind === 'service' ? one.ports.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)) : [])).sort()
  }

  /** A connection goes to pods that say that they are ready, of a host that is heard of, and to each of them. */
  private async lookAtEndpoints(): Promise<void> {
    const rows = await this.server.db.podReport.findMany({ where: { hostId: this.hostId, phase: 'Running', pod: { deletedAt: null, host: { phase: 'Ready' } } }, select: { document: true, pod: { select: { addresses: { select: { address: true } } } } } })
    const ready = rows.filter(({ document }) => podReport.parse(document).conditions.some(({ type, status }) => type === 'Ready' && status === 'True')).flatMap(({ pod }) => pod.addresses.map(({ address }) => address)).sort()
    const targets = await this.targets()
    if (ready.join() !== targets.join()) this.violations.push(`ready are ${ready.join(', ') || 'none'}, and connections go to ${targets.join(', ') || 'none'}`)
  }

  /** Everything once: the control process, the host, its report. */
  async flow(): Promise<void> {
    this.startAgent()
    await this.reconcile()
    await this.connect()
    await this.sendDesired()
    while (this.connection && this.connection.desired.length > 0) await this.takeDesired(false)
    await this.advance(500)
    await this.takeReport(false)
  }

  startAgent(): void {
    this.agent ??= new ModelAgent(this.machine)
  }

  killAgent(): void {
    this.disconnect()
    this.agent?.kill()
    this.agent = null
  }

  /** As keepControl does: challenge, hello, and the first complete set before the first report. */
  async connect(): Promise<void> {
    const { agent } = this
    if (!agent || this.connection) return
    // Another process of the server: it knows nothing of the sessions of the others.
    const context: HostConnection = { db: this.server.db, keyRing: this.server.server.keyRing, log: this.server.server.log, sessions: new HostSessions(), nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
    const caller = hostRouter.createCaller(context)
    const { nonce } = await caller.host.challenge()
    const publicKey = spki(this.keys.publicKey)
    const signature = sign(null, Buffer.from(helloSignatureText(nonce, publicKey, agent.bootId)), this.keys.privateKey).toString('base64')
    await caller.host.hello({ version: 1, name: 'h', bootId: agent.bootId, agentVersion: '1', hypervisorVersion: '1', kernelVersion: '1', guestVersion: '1', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 8, memoryMiB: 65_536, diskMiB: 1_000 }, publicKey, signature })
    if (!this.boots.includes(agent.bootId)) this.boots.push(agent.bootId)
    this.connection = { agent, caller, desired: [], sent: [], isFirst: true }
    await this.sendDesired()
  }

  /** What was on its way to the server may still arrive there; what was on its way to the host does not. */
  disconnect(): void {
    const { connection } = this
    if (!connection) return
    this.connection = null
    connection.agent.reporter.detach()
    for (const { report, answer } of connection.sent) {
      this.late.push({ caller: connection.caller, report })
      answer(new Error('the connection is over'))
    }
  }

  async sendDesired(): Promise<void> {
    this.connection?.desired.push(await listAssignments(this.server.db, this.hostId))
  }

  /** The host takes the oldest set that was sent; `again`: twice. */
  async takeDesired(again: boolean): Promise<void> {
    const { connection } = this
    const set = connection?.desired.shift()
    if (!connection || !set) return
    for (let i = 0; i < (again ? 2 : 1); i += 1) connection.agent.pods.apply(set)
    if (connection.isFirst) connection.agent.attach((report) => new Promise((resolve, reject) => connection.sent.push({ report, answer: (error) => (error ? reject(error) : resolve()) })))
    connection.isFirst = false
    await settle()
  }

  /** The server takes the report that is on its way. `twice`: and once more later. */
  async takeReport(twice: boolean): Promise<void> {
    const { connection } = this
    const sent = connection?.sent.shift()
    if (!connection || !sent) return
    if (twice) this.late.push({ caller: connection.caller, report: sent.report })
    const error = await connection.caller.host.report(sent.report).then(() => null, (failure: unknown) => (failure instanceof Error ? failure : new Error(String(failure))))
    sent.answer(error)
    if (error) this.disconnect()
    await settle()
    await this.look()
  }

  /** A report that was sent long ago reaches the server. */
  async takeLate(): Promise<void> {
    const late = this.late.shift()
    if (!late) return
    await late.caller.host.report(late.report).catch(() => {})
    await this.look()
  }

  async killVm(name: string): Promise<void> {
    const pod = this.wanted.get(name)
    const machine = pod && this.machine.machines.get(`vm ${pod.uid}`)
    if (!machine) return
    pod.touched = true
    this.machine.machines.delete(`vm ${pod.uid}`)
    machine.die('QEMU was killed by SIGKILL')
    await settle()
  }

  async exit(name: string, exitCode: number): Promise<void> {
    const pod = this.wanted.get(name)
    const machine = pod && this.machine.machines.get(`vm ${pod.uid}`)
    if (!machine) return
    pod.touched = true
    machine.guest.exit('web', exitCode)
    await settle()
  }

  /** The host's silence is noticed; its next heartbeat ends that. */
  async silence(): Promise<void> {
    await this.server.db.host.updateMany({ where: { id: this.hostId }, data: { phase: 'Unknown' } })
    const shown = await this.server.db.$queryRaw<{ state: string }[]>`select s."state" from "PodState" s join "Pod" p on p."uid" = s."uid" where p."hostId" = ${this.hostId}::uuid and p."deletedAt" is null`
    // What has ended is known to have: nothing else of a silent host is.
    for (const { state } of shown) if (!['Unknown', 'Succeeded', 'Failed'].includes(state)) this.violations.push(`a pod of a silent host is ${state}`)
  }

  async heartbeat(): Promise<void> {
    const { connection } = this
    if (!connection) return
    await connection.caller.host.heartbeat({ bootId: connection.agent.bootId, podsRunning: 0, memoryFreeMiB: 0, diskFreeMiB: 0 }).catch(() => this.disconnect())
  }

  advance(ms: number): Promise<void> {
    return this.machine.clock.advance(ms)
  }

  /** Everything works from now on, until nothing changes any more. */
  async quiesce(): Promise<void> {
    this.startAgent()
    while (this.late.length > 0) await this.takeLate()
    for (let calm = 0, rounds = 0; calm < 3; rounds += 1) {
      if (rounds > 200) throw new Error('the world does not come to rest')
      const before = await this.fingerprint()
      await this.reconcile()
      await this.connect()
      await this.sendDesired()
      while (this.connection && this.connection.desired.length > 0) await this.takeDesired(false)
      await this.heartbeat()
      await this.advance(rounds % 3 === 0 ? 310_000 : waitMs)
      await new Promise((resolve) => setTimeout(resolve, 1))
      while (this.connection && this.connection.sent.length > 0) {
        await this.takeReport(false)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      calm = before === (await this.fingerprint()) ? calm + 1 : 0
    }
  }

  async stop(): Promise<void> {
    this.killAgent()
    const { db } = this.server
    for (const { uid } of await db.pod.findMany({ where: { tenantId: this.person.tenant.id }, select: { uid: true } })) await inTransaction(db, (tx) => removePod(tx, uid))
    await db.host.delete({ where: { id: this.hostId } })
    await this.person.caller.service.delete({ tenant: this.person.tenant.slug, name: 'web' })
  }

  /** What is stored of pods: each invariant of a report against the one before. */
  async look(): Promise<void> {
    for (const row of await this.server.db.podReport.findMany({ where: { hostId: this.hostId } })) {
      const report = podReport.parse(row.document)
      const at: [number, number] = [this.boots.indexOf(row.bootId), Number(row.sequence)]
      const before = this.stored.get(row.podUid)
      this.stored.set(row.podUid, { ...report, at })
      if (!before) continue
      const tell = (what: string) => this.violations.push(`pod ${row.podUid}: ${what}`)
      if (at[0] < before.at[0] || (at[0] === before.at[0] && at[1] < before.at[1])) tell(`report ${at.join('/')} after ${before.at.join('/')}`)
      if (['Succeeded', 'Failed'].includes(before.phase) && !['Gone', 'Stopping', before.phase].includes(report.phase)) tell(`${before.phase} became ${report.phase}`)
      report.containers.forEach(({ name, restartCount }, i) => {
        if (restartCount < (before.containers[i]?.restartCount ?? 0)) tell(`container ${name} was restarted ${before.containers[i]?.restartCount} times, and now ${restartCount}`)
      })
    }
    const addresses = await this.server.db.networkAddress.findMany({ where: { pod: { hostId: this.hostId } }, select: { address: true, networkId: true } })
    if (new Set(addresses.map((a) => `${a.networkId} ${a.address}`)).size < addresses.length) this.violations.push('an address is shared')
  }

  private async fingerprint(): Promise<string> {
    const pods = await this.server.db.pod.findMany({ where: { tenantId: this.person.tenant.id }, select: { uid: true, report: { select: { phase: true, sequence: false, document: true } } }, orderBy: { uid: 'asc' } })
    return JSON.stringify([pods.map((pod) => [pod.uid, pod.report?.phase]), [...this.machine.machines.keys()].sort(), this.machine.leftovers.sort()])
  }
}
