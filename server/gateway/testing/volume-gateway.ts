import { randomUUID } from 'node:crypto'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { startTestServer } from '@/server/api/testing/server'
import { HostSessions } from '../host-sessions'
import { wakeHostsOnChanges } from '../wake-hosts'
import { connectVolumeHost, type VolumeDisk } from './volume-host'

type Host = Awaited<ReturnType<typeof connectVolumeHost>>

/** A server with one store on hosts' own disks, the hosts that are connected to it, and rows as the volume controller writes them. */
export class VolumeGateway {
  readonly sessions = new HostSessions()
  readonly tenantId: string
  private readonly networkId: string
  private readonly hosts: Host[] = []
  private readonly stopWaking: () => void

  private constructor(
    readonly server: Awaited<ReturnType<typeof startTestServer>>,
    tenant: { tenantId: string; networkId: string },
    readonly place: { storeId: string; classId: string },
  ) {
    this.tenantId = tenant.tenantId
    this.networkId = tenant.networkId
    this.stopWaking = wakeHostsOnChanges(server.server.feed, this.sessions, server.db)
  }
  static async start(): Promise<VolumeGateway> {
    const server = await startTestServer()
    const tenantId = (await server.signUp('ann')).tenant.id
    const { uid: networkId } = await server.db.network.create({ data: { tenantId, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })
    await server.db.namespace.create({ data: { tenantId, name: 'shop', spec: { network: 'n' } } })
    await server.db.storageClass.deleteMany()
    await server.db.volumeStore.deleteMany()
    const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
    const { uid: classId } = await server.db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local', limits: { iops: 500 } } } })
    return new VolumeGateway(server, { tenantId, networkId }, { storeId, classId })
  }
  async stop(): Promise<void> {
    this.stopWaking()
    await this.server.stop()
  }

  async connect(name: string, disk?: VolumeDisk): Promise<Host> {
    const one = await connectVolumeHost(this.server, this.sessions, name, disk)
    this.hosts.push(one)
    return one
  }
  /** All hosts go, and what rows say of volumes and pods. Returns why hosts failed, where one did. */
  async clear(): Promise<unknown[]> {
    const failures = this.hosts.splice(0).map((one) => {
      one.close()
      return one.failure()
    })
    const { volumeAttachment, volumeSnapshot, volume, podAssignment, pod } = this.server.db
    await volumeAttachment.deleteMany()
    await volumeSnapshot.deleteMany()
    await volume.deleteMany()
    await podAssignment.deleteMany()
    await pod.deleteMany()
    return failures.filter((failure) => failure !== null)
  }

  /** A volume that the host which came first keeps. */
  volumeOf = async (data: object = {}): Promise<string> =>
    (await this.server.db.volume.create({ data: { tenantId: this.tenantId, name: randomUUID(), spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, ...this.place, hostId: this.first, homeHostId: this.first, epoch: 1n, ...data } })).uid
  /** As the volume controller gives it: the pod's right comes with a number of its own. */
  give = async (volumeUid: string, podUid: string | null = null, data: { hostId?: string; readOnly?: boolean } = {}): Promise<string> =>
    (await this.server.db.volumeAttachment.create({ data: { volumeUid, podUid: podUid ?? (await this.podOf(randomUUID(), data.hostId)), tenantId: this.tenantId, name: 'data', hostId: this.first, epoch: 1n, phase: 'Attaching', ...data } })).uid
  /** A pod of the host, as its controller assigns it. */
  podOf = async (name: string, hostId = this.first): Promise<string> => {
    const { db } = this.server
    const { tenantId, networkId } = this
    const spec = podSpec.parse({ containers: [{ name: 'a', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: 'v' } }] })
    const { uid } = await db.pod.create({ data: { tenantId, namespace: 'shop', name, networkId, hostId, spec } })
    const document = { uid, tenantId, namespace: 'shop', name, generation: 1, hostname: name, spec, size: { vcpus: 1, memoryMiB: 64, scratchMiB: null }, network: { id: networkId, number: 1, name: 'n', cidr: '10.1.0.0/24', gateway: '10.1.0.1', outbound: 'nat', address: '10.1.0.2', prefixLength: 24, mac: '02:00:00:00:00:01', dns: [] }, deletion: null }
    await db.podAssignment.create({ data: { podUid: uid, hostId, document } })
    return uid
  }
  row = (uid: string) => this.server.db.volume.findUnique({ where: { uid }, include: { attachments: true } })
  phases = async (uid: string) => (await this.row(uid))?.attachments.map(({ phase }) => phase)

  private get first(): string {
    const [host] = this.hosts
    if (!host) throw new Error('no host is connected')
    return host.hostId
  }
}
