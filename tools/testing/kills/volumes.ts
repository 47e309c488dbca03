import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { VolumeView } from '@/domain/volume/view'
import type { Fleet } from '../fleet'
import { NEVER } from '../never'
import { answering, answerPort, askPod, readLog, type LogWriter } from './log-writer'

const MiB = 2 ** 20
const pod = 'logs'
/** Until a pod without KVM runs on a busy machine, and until all is right again after a kill. */
const patienceMs = 180_000

/** Of one pod: `data`, an ext4, in its spec, and `hot`, an xfs, which comes and goes while it runs. Each work resolves once it has come to its end, whatever is killed meanwhile. */
export class Volumes {
  private readonly sizesMiB = { data: 64, hot: 320 }
  private snapshots: { name: string; records: readonly number[] }[] = []
  private isHot = false

  private constructor(
    private readonly fleet: Fleet,
    private readonly image: string,
    /** A socket that leads to whichever pod there is. */
    readonly door: string,
  ) {}

  static async create(fleet: Fleet, image: string): Promise<Volumes> {
    const { ann: { caller }, tenant, machines } = fleet
    const folder = join(fleet.folder, pod)
    await mkdir(folder)
    const volumes = new Volumes(fleet, image, join(folder, 'door'))
    await caller.volume.create({ tenant, name: 'data', spec: { size: `${volumes.sizesMiB.data}Mi`, fsType: 'ext4' } })
    await caller.volume.create({ tenant, name: 'hot', spec: { size: `${volumes.sizesMiB.hot}Mi`, fsType: 'xfs' } })
    await volumes.createPod()
    const { status } = await caller.floatingAddress.create({ tenant, name: pod, spec: { target: { kind: 'Pod', namespace: 'default', name: pod } } })
    machines.start('socat', '-lf', '/dev/null', `UNIX-LISTEN:${volumes.door},fork`, `TCP4:${status.address}:${answerPort},connect-timeout=5`)
    await volumes.begin('/data')
    await volumes.attachHot()
    return volumes
  }

  /** Takes `hot` away where the pod has it, or gives it to it. */
  turn(): Promise<void> {
    return this.isHot ? this.detachHot() : this.attachHot()
  }

  async attachHot(): Promise<void> {
    const { caller, tenant } = this
    await caller.volume.attach({ tenant, name: 'hot', pod: { namespace: 'default', name: pod }, mounts: [{ container: 'main', mountPath: '/hot' }] })
    await this.volumeIs('hot', ({ attachments: [one] }) => one?.phase === 'Attached')
    await this.begin('/hot')
    this.isHot = true
  }

  async detachHot(): Promise<void> {
    if (!this.isHot) return
    this.isHot = false
    await this.caller.volume.detach({ tenant: this.tenant, name: 'hot', pod: { namespace: 'default', name: pod } })
    await this.volumeIs('hot', ({ phase, attachments }) => phase === 'Available' && attachments.length === 0)
  }

  /** Each that the pod has, at once. */
  async grow(): Promise<void> {
    await Promise.all((this.isHot ? (['data', 'hot'] as const) : (['data'] as const)).map((name) => this.growOne(name)))
  }

  private async growOne(name: 'data' | 'hot'): Promise<void> {
    this.sizesMiB[name] += 16
    const [sizeMiB, { caller, tenant }] = [this.sizesMiB[name], this]
    await caller.volume.update({ tenant, name, size: `${sizeMiB}Mi` })
    await this.volumeIs(name, ({ sizeBytes, phase }) => sizeBytes === sizeMiB * MiB && phase !== 'Growing')
  }

  async snapshot(writer: LogWriter): Promise<void> {
    const { caller, tenant, fleet } = this
    const name = `snapshot${this.snapshots.length + 1}`
    const records = [...writer.of('/data')]
    await caller.volumeSnapshot.create({ tenant, name, spec: { source: { volumeName: 'data' } } })
    await fleet.until(`${name} is ready`, async () => (await caller.volumeSnapshot.get({ tenant, name })).status.phase === 'Ready', patienceMs)
    this.snapshots.push({ name, records })
  }

  async podAnew(): Promise<void> {
    const { caller, tenant, fleet } = this
    // What came while the pod ran goes with it.
    this.isHot = false
    await caller.pod.delete({ tenant, name: pod })
    await fleet.until('the pod is gone', async () => (await caller.pod.list({ tenant })).items.length === 0, patienceMs)
    await this.createPod()
    // Nothing is attached to a pod before it has a host.
    await fleet.until('the new pod has a host', async () => (await caller.pod.get({ tenant, name: pod })).status.hostName !== null, patienceMs)
  }

  /** Throws where a record of a log that the pod has is not there, though it was acknowledged before. */
  async expectAll(writer: LogWriter, when: string): Promise<void> {
    for (const folder of this.isHot ? ['/data', '/hot'] : ['/data']) {
      const acknowledged = [...writer.of(folder)]
      await this.expectThere(folder, acknowledged, when)
    }
  }

  /** The same of a clone of the last snapshot. How many there were. */
  async expectAllInSnapshot(): Promise<number> {
    const { caller, tenant } = this
    const last = this.snapshots.at(-1)
    if (!last) return 0
    await caller.volume.create({ tenant, name: 'clone', spec: { size: `${this.sizesMiB.data}Mi`, source: { kind: 'Snapshot', name: last.name } } })
    await caller.volume.attach({ tenant, name: 'clone', pod: { namespace: 'default', name: pod }, mounts: [{ container: 'main', mountPath: '/clone' }] })
    await this.volumeIs('clone', ({ attachments: [one] }) => one?.phase === 'Attached')
    await this.begin('/clone')
    await this.expectThere('/clone', last.records, `in a clone of ${last.name}`)
    return last.records.length
  }

  private async expectThere(folder: string, acknowledged: readonly number[], when: string): Promise<void> {
    let there = new Set<number>()
    await this.answers(async () => void (there = await readLog(this.door, folder)))
    const lost = acknowledged.filter((number) => !there.has(number))
    expect(lost.slice(0, 20), `${NEVER}: ${lost.length} of ${acknowledged.length} records of ${folder} are lost, ${when}`).toEqual([])
  }

  /** Makes the log of a volume that the pod has. */
  private begin(folder: string): Promise<void> {
    return this.answers(async () => {
      const said = await askPod(this.door, `begin ${folder}`)
      if (said.at(-1) !== `began ${folder}`) throw new Error(said.join('\n'))
    })
  }

  private async createPod(): Promise<void> {
    const spec = { terminationGracePeriodSeconds: 2, containers: [{ name: 'main', image: this.image, command: answering, volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: 'data', fsType: 'ext4' as const } }] }
    await this.caller.pod.create({ tenant: this.tenant, name: pod, spec })
  }

  /** Asks until it is answered. */
  private async answers(question: () => Promise<void>): Promise<void> {
    let last: unknown
    await this.fleet.until('the pod answers', () => question().then(() => true, (error: unknown) => ((last = error), false)), patienceMs).catch((error: unknown) => {
      throw new Error(`the pod does not answer: ${String(last)}`, { cause: error })
    })
  }

  private async volumeIs(name: string, isSo: (status: VolumeView['status']) => boolean): Promise<void> {
    let status: VolumeView['status'] | null = null
    await this.fleet.until(`volume ${name} has come to its end`, async () => isSo((status = (await this.caller.volume.get({ tenant: this.tenant, name })).status)), patienceMs).catch((error: unknown) => {
      throw new Error(JSON.stringify(status), { cause: error })
    })
  }

  private get caller() {
    return this.fleet.ann.caller
  }
  private get tenant(): string {
    return this.fleet.tenant
  }
}
