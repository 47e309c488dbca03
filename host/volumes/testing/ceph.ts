import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { run } from '@/platform/exec'
import { endEach } from '@/tools/testing/cleanup'
import { CephCommands, type CephAccess } from '../rbd/ceph-commands'

/** Fixed ports are a monitor's, so each cluster has a network namespace of its own, in which nobody else listens. */
const monitorPort = '6789'
export const testPool = 'volumes'

/** A link from another namespace (null: this process's) to the cluster's, both ends' addresses in one subnet of 24 bits; or into a bridge there, with which others reach it. */
export type Wire = { from: string | null; there: string } & ({ here: string } | { bridge: string })
export type TestCephOptions = { capacity?: boolean; memoryMiB?: number; wire?: Wire | null }

/**
 * A Ceph of one monitor and one OSD that keeps its data in memory, for a test file. It is usable once it is there, and nothing is left of it after `stop`.
 * `capacity`: also with a manager, who knows how full the cluster is (300 MiB and some seconds more). `wire`: by which it is reached from outside of its own namespace.
 */
export class TestCeph {
  private readonly children: ChildProcess[] = []
  private osd: ChildProcess | undefined

  private constructor(private readonly folder: string, readonly namespace: string, private readonly keys: { admin: string; monitor: string; manager: string; osd: string }, readonly address: string) {}

  static async start({ capacity = false, memoryMiB = 1024, wire = null }: TestCephOptions = {}): Promise<TestCeph> {
    const ceph = new TestCeph(await mkdtemp(join(tmpdir(), 'ceph-')), `hyt-${randomBytes(3).toString('hex')}-ceph`, { admin: cephKey(), monitor: cephKey(), manager: cephKey(), osd: cephKey() }, wire?.there ?? '127.0.0.1')
    try {
      await ceph.begin(capacity, memoryMiB, wire)
      return ceph
    } catch (error) {
      const log = await readFile(join(ceph.folder, 'log'), 'utf8').catch(() => '')
      await ceph.stop().catch(() => {})
      throw new Error(`Ceph did not start: ${log.slice(-2000)}`, { cause: error })
    }
  }

  /** Of a user of this cluster; the administrator, where none is named. */
  access(user = 'admin', key = this.keys.admin): CephAccess {
    return { name: 'test', monitors: [`${this.address}:${monitorPort}`], user, key, through: this.inside }
  }

  /** As QEMU wants a server of its rbd driver. */
  get server(): { host: string; port: string } {
    return { host: this.address, port: monitorPort }
  }

  /** Put before a command, it runs in the cluster's network. */
  get inside(): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace}`]
  }

  get admin(): CephCommands {
    return new CephCommands(this.access())
  }

  as(user: string, key: string): CephCommands {
    return new CephCommands(this.access(user, key))
  }

  get osdPid(): number {
    if (this.osd?.pid === undefined) throw new Error('this cluster has no OSD')
    return this.osd.pid
  }

  /** Nobody is answered until `resumeOsd`. */
  stopOsd(): void {
    this.osd?.kill('SIGSTOP')
  }

  resumeOsd(): void {
    this.osd?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await endEach([
      { what: 'the daemons of Ceph', end: () => Promise.all(this.children.map(ended)) },
      { what: 'the network of Ceph', end: () => run('ip', ['netns', 'delete', this.namespace]) },
      { what: 'the folder of Ceph', end: () => rm(this.folder, { recursive: true, force: true }) },
    ])
  }

  private async begin(capacity: boolean, memoryMiB: number, wire: Wire | null): Promise<void> {
    const { folder, keys, address } = this
    const cluster = randomUUID()
    await run('ip', ['netns', 'add', this.namespace])
    await run('ip', ['-n', this.namespace, 'link', 'set', 'lo', 'up'])
    if (wire) await this.connect(wire)
    await Promise.all(['mon', 'mgr', 'osd'].map((name) => mkdir(join(folder, name))))
    await writeFile(join(folder, 'ceph.conf'), configuration(folder, address, cluster, memoryMiB), { mode: 0o600 })
    await writeFile(join(folder, 'keyring'), keyring(keys), { mode: 0o600 })
    await run('monmaptool', ['--create', '--fsid', cluster, '--addv', 'a', `[v2:${address}:3300,v1:${address}:${monitorPort}]`, join(folder, 'monmap')])
    await this.run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', join(folder, 'monmap'), '--keyring', join(folder, 'keyring'))
    for (const name of ['mon', 'mgr', 'osd']) await cp(join(folder, 'keyring'), join(folder, name, 'keyring'))
    this.start('ceph-mon', '-i', 'a', '--public-addr', address)
    const uid = randomUUID()
    await Promise.all([this.admin.ceph(['osd', 'new', uid]), this.run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', uid)])
    this.osd = this.start('ceph-osd', '-i', '0')
    if (capacity) this.start('ceph-mgr', '-i', 'x')
    await this.admin.ceph(['osd', 'pool', 'create', testPool, '8', '8'])
    await this.admin.rbd(['pool', 'init', testPool])
    if (capacity) await this.untilItHasCapacity()
  }

  private async connect(wire: Wire): Promise<void> {
    const { from, there } = wire
    const link = this.namespace.slice(4)
    const end = 'here' in wire ? `address add ${wire.here}/24 dev ${link}` : `link set ${link} master ${wire.bridge}`
    await run('ip', [...(from === null ? [] : ['-n', from]), '-batch', '-'], { input: [`link add ${link} type veth peer name eth0 netns ${this.namespace}`, end, `link set ${link} up`, ''].join('\n') })
    await run('ip', ['-n', this.namespace, '-batch', '-'], { input: [`address add ${there}/24 dev eth0`, 'link set eth0 up', ''].join('\n') })
  }

  private async untilItHasCapacity(): Promise<void> {
    const end = Date.now() + 60_000
    while ((await this.capacity()) === 0) {
      if (Date.now() > end) throw new Error('its manager has told of no capacity within 60 s')
      await pause(200)
    }
  }

  /** Whether writers wait for room: that the pool has none its manager tells before. */
  async isFull(): Promise<boolean> {
    const schema = z.looseObject({ pools: z.array(z.looseObject({ pool_name: z.string(), flags_names: z.string() })) })
    const { pools } = await this.admin.cephJson(schema, ['osd', 'dump'])
    return pools.some(({ pool_name: name, flags_names: names }) => name === testPool && names.split(',').includes('full'))
  }

  private async capacity(): Promise<number> {
    const schema = z.looseObject({ pools: z.array(z.looseObject({ name: z.string(), stats: z.looseObject({ max_avail: z.number() }) })) })
    return (await this.admin.cephJson(schema, ['df'])).pools.find((pool) => pool.name === testPool)?.stats.max_avail ?? 0
  }

  private run(program: string, ...args: string[]): Promise<unknown> {
    const [first = program, ...rest] = [...this.inside, program, '-c', join(this.folder, 'ceph.conf'), ...args]
    return run(first, rest)
  }

  private start(program: string, ...args: string[]): ChildProcess {
    // They end with the test also where that is killed.
    const [first = program, ...rest] = ['setpriv', '--pdeathsig', 'KILL', ...this.inside, program, '-c', join(this.folder, 'ceph.conf'), '-f', ...args]
    const child = spawn(first, rest, { stdio: 'ignore' })
    this.children.push(child)
    return child
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    child.kill('SIGKILL')
  })
}

/** A key as `ceph-authtool --gen-key` makes one: type AES, when it was made, 16 bytes. */
export function cephKey(): string {
  const header = Buffer.alloc(12)
  header.writeUInt16LE(1, 0)
  header.writeUInt32LE(Math.floor(Date.now() / 1000), 2)
  header.writeUInt16LE(16, 10)
  return Buffer.concat([header, randomBytes(16)]).toString('base64')
}

const keyring = (keys: { admin: string; monitor: string; manager: string; osd: string }): string => `[mon.]
key = ${keys.monitor}
caps mon = "allow *"
[client.admin]
key = ${keys.admin}
caps mon = "allow *"
caps osd = "allow *"
caps mgr = "allow *"
[mgr.x]
key = ${keys.manager}
caps mon = "allow profile mgr"
caps osd = "allow *"
[osd.0]
key = ${keys.osd}
caps mon = "allow profile osd"
caps mgr = "allow profile osd"
caps osd = "allow *"
`

const configuration = (folder: string, address: string, cluster: string, memoryMiB: number): string => `[global]
fsid = ${cluster}
mon_initial_members = a
mon_host = [v2:${address}:3300,v1:${address}:${monitorPort}]
public_addr = ${address}
cluster_addr = ${address}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = ${folder}/keyring
admin_socket = ${folder}/$name.asok
run_dir = ${folder}
log_file = ${folder}/log
mon_cluster_log_file = ${folder}/log
log_to_stderr = false
ms_bind_ipv6 = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_delete = true
mon_data_avail_warn = 1
mon_data_avail_crit = 1
# A client that says nothing for so long has lost its watch: 30 s elsewhere.
osd_client_watch_timeout = 5
[mon.a]
mon_data = ${folder}/mon
[mgr.x]
mgr_data = ${folder}/mgr
mgr_initial_modules =
[osd.0]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = ${memoryMiB}M
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 1
`
