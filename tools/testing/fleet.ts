import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { createHostController } from '@/server/control/controllers/host/controller'
import { networkController } from '@/server/control/controllers/network/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { createVolumeControllers } from '@/server/control/controllers/volume/controller'
import { snapshotController } from '@/server/control/controllers/volume/snapshots/controller'
import { runControllers } from '@/server/control/runtime/controller'
import { scheduler } from '@/server/control/scheduler/scheduler'
import { HostSessions } from '@/server/gateway/host-sessions'
import { LiveSockets } from '@/server/gateway/live-sockets'
import { StreamBroker } from '@/server/gateway/streams'
import { createGateway } from '@/server/gateway/upgrade'
import { wakeHostsOnChanges } from '@/server/gateway/wake-hosts'
import { endEach } from './cleanup'
import { Machines, machinesMs, until, type Machine } from './machines'

const publicUrl = 'http://console.example'
const pool = { cidr: '198.18.77.0/24', allocationRanges: [{ start: '198.18.77.10', end: '198.18.77.99' }] }
const client = '198.18.77.250/24'

/** Milliseconds that its end takes at most. */
export const fleetMs = machinesMs + 240_000

type TestServer = Awaited<ReturnType<typeof startTestServer>>

/** A whole server over a database of its own, a tenant, and hosts that reach it: each a real agent on a machine of its own, in one segment of the outside with a client. */
export class Fleet {
  readonly hosts: Machine[] = []
  /** Of the sockets that the machines reach. */
  folder = ''
  private segment: Machines | null = null
  private person: Awaited<ReturnType<TestServer['signUp']>> | null = null
  private http: Server | null = null
  private readonly ends: (() => unknown)[] = []

  private constructor(
    readonly test: TestServer,
    private readonly hasControl: boolean,
  ) {}

  /** `settings`: of every agent. `hasControl`: where not, its control plane has to be run by who starts it. */
  static async start(names: readonly string[], settings: Record<string, string> = {}, hasControl = true): Promise<Fleet> {
    const fleet = new Fleet(await startTestServer(), hasControl)
    try {
      await fleet.begin(names, settings)
      return fleet
    } catch (error) {
      await fleet.stop().catch(() => {})
      throw error
    }
  }

  get machines(): Machines {
    return begun(this.segment)
  }
  /** The tenant's first person, and by `caller` the API. */
  get ann() {
    return begun(this.person)
  }
  get tenant(): string {
    return this.ann.tenant.slug
  }

  machineOf(name: string): Machine {
    const found = this.hosts.find((machine) => machine.name === name)
    if (!found) throw new Error(`no host "${name}"`)
    return found
  }

  async isReady(host: string): Promise<boolean> {
    return (await this.test.db.host.findUniqueOrThrow({ where: { name: host } })).phase === 'Ready'
  }

  /** Waits for a condition; while no agent ends by itself. */
  until(what: string, condition: () => Promise<boolean>, withinMs?: number): Promise<void> {
    const { db } = this.test
    const told = async () => [JSON.stringify(await db.host.findMany({ select: { id: true, name: true, phase: true } })), JSON.stringify(await db.floatingAddress.findMany({ select: { name: true, hostId: true } })), ...this.hosts.map(({ name, output }) => `--- ${name}\n${output.slice(-3_000)}`)].join('\n')
    return until(what, async () => {
      const failed = this.hosts.flatMap(({ failure }) => failure ?? [])
      if (failed.length > 0) throw new Error(`${failed.join(', ')}\n${await told()}`)
      return condition()
    }, told, withinMs)
  }

  async stop(): Promise<void> {
    await endEach([
      ...this.ends.map((end) => ({ what: 'a part of the server', end })),
      { what: 'the way to the server', end: () => this.closeHttp() },
      { what: 'the machines', end: () => this.segment?.destroy(), withinMs: machinesMs },
      { what: 'the server', end: () => this.test.stop() },
      { what: 'the folder of a fleet', end: () => this.folder !== '' && rm(this.folder, { recursive: true, force: true }) },
    ])
  }

  private closeHttp(): void {
    this.http?.close()
    this.http?.closeAllConnections()
  }

  private async begin(names: readonly string[], settings: Record<string, string>): Promise<void> {
    const { test: { db }, hosts } = this
    const socket = await this.serve()
    const machines = await Machines.create(client, settings)
    this.segment = machines
    await machines.serve(socket)
    for (const name of names) {
      const machine = await machines.machine(name)
      // As the guide tells operators to (docs/guides/load-balancers.md).
      await db.$executeRaw`insert into "Host" ("id", "name", "publicKey") values (gen_random_uuid(), ${name}, ${machine.publicKey})`
      machine.startAgent()
      hosts.push(machine)
    }
    await db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: pool, default: true }) } })
    this.person = await this.test.signUp('ann')
  }

  /** What the control process runs. */
  private runControl(): () => Promise<void> {
    const { server: { feed, log }, db } = this.test
    const control = new AbortController()
    const controllers = [scheduler, podController, createEndpointsController(), networkController, createHostController(), ...createExternalControllers({ defaultQuota: 10 }), ...createVolumeControllers(), snapshotController]
    const running = runControllers({ db, log, feed }, controllers, control.signal)
    return () => (control.abort(), running)
  }

  /** The gateway on a socket, and the control plane. */
  private async serve(): Promise<string> {
    const { server, db } = this.test
    const sessions = new HostSessions()
    const gateway = createGateway({
      db, keyRing: server.keyRing, log: server.log, sessions, streams: new StreamBroker(sessions, server.log), publicUrl, router: appRouter, live: new LiveSockets(server.feed),
      offerUpload: () => '', authenticate: (request) => actorOf(request, publicUrl), createContext: (_, actor) => toApiContext(server, actor, '', ''),
    })
    this.ends.push(wakeHostsOnChanges(server.feed, sessions, db), () => gateway.close())
    if (this.hasControl) this.ends.push(this.runControl())
    const http = createServer().on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
    this.http = http
    this.folder = await mkdtemp(join(tmpdir(), 'fleet-'))
    await chmod(this.folder, 0o711)
    http.listen(join(this.folder, 'server.sock'))
    await once(http, 'listening')
    return join(this.folder, 'server.sock')
  }
}

function begun<Part>(part: Part | null): Part {
  if (part === null) throw new Error('the fleet has not begun')
  return part
}
