import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect as connectTo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Client } from 'pg'
import { pushDebianImage } from '@/host/images/testing/debian/push'
import { postgres } from '@/host/images/testing/debian/recipes'
import { startRegistry, type TestRegistry } from '@/host/images/testing/registry'
import type { Fleet } from '../fleet'
import { serverAddress } from '../machines'

/** By which hosts reach the registry of the test. */
const registryPort = 5000
export const registryAtHosts = `${serverAddress}:${registryPort}`
const password = 'known to the test alone'
/** Milliseconds that a guest without KVM may take on a busy machine, until its database has begun or recovered; where it did not begin in its time it is tried once more. The first one also has its image unpacked. */
export const startMs = 300_000
/** Whoever is not answered for so long has lost its connection. */
const patienceMs = 15_000

/** Where a client finds a database: a socket of the file system, which leads there. */
type Door = { folder: string }

/** Databases in pods, each on a volume, and their clients in the outside: by an address that leads to whichever pod of the name there is. */
export class DatabasePods {
  private readonly doors = new Map<string, Door>()

  private constructor(
    private readonly fleet: Fleet,
    private readonly image: string,
    private readonly registry: TestRegistry,
    private readonly relay: Server,
  ) {}

  /** Makes the image of Debian's packages, and has the hosts reach it. */
  static async open(fleet: Fleet): Promise<DatabasePods> {
    const registry = await startRegistry()
    await pushDebianImage(registry.host, 'debian/postgres:1', postgres)
    const [host, port] = registry.host.split(':')
    const relay = createServer((from) => {
      const to = connectTo(Number(port), host)
      for (const [one, other] of [[from, to], [to, from]] as const) one.on('error', () => other.destroy()).pipe(other)
    })
    const socket = join(fleet.folder, 'registry.sock')
    relay.listen(socket)
    await once(relay, 'listening')
    await fleet.machines.serve(socket, registryPort)
    return new DatabasePods(fleet, `${registryAtHosts}/debian/postgres:1`, registry, relay)
  }

  async close(): Promise<void> {
    this.relay.close()
    await this.registry.stop()
  }

  /** A pod whose database lies on this volume. */
  async create(name: string, volume: string): Promise<void> {
    const { ann: { caller }, tenant } = this.fleet
    const data = '/var/lib/postgresql/data'
    // What it logs it keeps beside its data. Checkpoints are as frequent as they may be, so that there are some under load.
    const args = ['postgres', ...['listen_addresses=*', 'checkpoint_timeout=30s', 'logging_collector=on', 'log_filename=server.log'].flatMap((setting) => ['-c', setting])]
    const container = { name: 'db', image: this.image, args, env: [{ name: 'POSTGRES_PASSWORD', value: password }, { name: 'PGDATA', value: `${data}/pgdata` }], volumeMounts: [{ name: 'data', mountPath: data }], resources: { limits: { memory: '256Mi' } } }
    await caller.pod.create({ tenant, name, spec: { terminationGracePeriodSeconds: 30, containers: [container], volumes: [{ name: 'data', cinder: { volumeID: volume, fsType: 'ext4' } }] } })
  }

  /** Ends a pod, and waits until nothing is left of it. */
  async remove(name: string): Promise<void> {
    await this.fleet.ann.caller.pod.delete({ tenant: this.fleet.tenant, name })
    await this.fleet.until(`pod ${name} is gone`, () => this.isGone(name))
  }

  async isGone(name: string): Promise<boolean> {
    const { ann: { caller }, tenant } = this.fleet
    return (await caller.pod.list({ tenant })).items.every(({ metadata }) => metadata.name !== name)
  }

  /** Gives whichever pods have this name an address of the outside. */
  async publish(name: string): Promise<void> {
    const { ann: { caller }, tenant, machines } = this.fleet
    const { status } = await caller.floatingAddress.create({ tenant, name, spec: { target: { kind: 'Pod', namespace: 'default', name } } })
    const door = await this.door(name)
    // While there is no pod, nobody answers: its clients are told, and nobody else.
    machines.start('socat', '-lf', '/dev/null', `UNIX-LISTEN:${join(door.folder, '.s.PGSQL.5432')},fork`, `TCP4:${status.address}:5432,connect-timeout=5`)
  }

  /** A folder for a socket that leads to a database. */
  async door(name: string): Promise<Door> {
    const folder = join(this.fleet.folder, name)
    await mkdir(folder)
    this.doors.set(name, { folder })
    return { folder }
  }

  /** A client of the database behind a door. */
  async connect(name: string): Promise<Client> {
    const client = new Client({ host: this.doors.get(name)?.folder, port: 5432, user: 'postgres', password, database: 'postgres', query_timeout: patienceMs, connectionTimeoutMillis: patienceMs })
    // What comes of it is told to whoever asks something.
    client.on('error', () => {})
    try {
      await client.connect()
      return client
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
  }

  /** Waits until the database of a pod that was created answers. */
  async answers(name: string): Promise<void> {
    const { ann: { caller }, tenant } = this.fleet
    let last: unknown
    const answers = () => this.connect(name).then((client) => client.end()).then(() => true, (error: unknown) => ((last = error), false))
    await this.fleet.until(`the database of pod ${name} answers`, answers, startMs).catch(async (error: unknown) => {
      throw new Error(`${String(last)}\n${JSON.stringify((await caller.pod.get({ tenant, name })).status, null, 1)}`, { cause: error })
    })
  }

  /** What queries by one client answer, one after another. */
  async ask<Answer>(name: string, questions: (client: Client) => Promise<Answer>): Promise<Answer> {
    const client = await this.connect(name)
    try {
      return await questions(client)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
