import { setTimeout as delay } from 'node:timers/promises'
import { sampleImage } from '@/domain/image/sample'
import type { PodView } from '@/domain/pod/view'
import { NEVER } from '@/tools/testing/never'
import type { Tenant } from '../fixtures/accounts'
import { persist } from './client'
import type { Stream } from './stream'

const log = '/data/log'
/** Between two records. */
const PAUSE_MS = 150

/**
 * Writes numbered records to a pod's volume, one after another, each with an fsync of its own, whatever is killed meanwhile. What is acknowledged is kept here, outside of all that may
 * die: a number counts once the API has answered that its command ended well. Those must be there at the end, whatever became of the others.
 */
export class Scribe {
  readonly acknowledged: number[] = []
  private sent = 0
  private writing: Promise<void> | null = null
  private isOver = false

  private constructor(
    private readonly tenant: Tenant,
    private readonly stream: Stream,
    readonly pod: PodView,
  ) {}

  /** Makes a volume and a pod that has it, both of this name. */
  static async start(tenant: Tenant, stream: Stream, name: string): Promise<Scribe> {
    const { api, slug } = tenant
    await persist(`create the volume ${name}`, stream.retries, () => api.volume.create.mutate({ tenant: slug, name, spec: { size: '64Mi' }, requestId: `volume-${name}` }))
    const spec = { containers: [{ name: 'main', image: sampleImage, volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: name } }], terminationGracePeriodSeconds: 1 }
    await persist(`create ${name}`, stream.retries, () => api.pod.create.mutate({ tenant: slug, name, spec, requestId: name }))
    return new Scribe(tenant, stream, await stream.waitFor(name, (pod) => pod.status.phase === 'Running'))
  }

  /** Writes until it is told to end. */
  write(): void {
    this.writing ??= this.writeOn()
  }

  end(): void {
    this.isOver = true
  }

  private async writeOn(): Promise<void> {
    while (!this.isOver) {
      const number = (this.sent += 1)
      // A command that fails, or whose answer is lost, is not sent again: its record may be there, or not.
      // A line of its own, also behind one that was cut off.
      const ended = await this.run(`printf '\\n%s\\n' ${number} >> ${log} && sync ${log} && echo written`).then(({ exitCode, stdout }) => exitCode === 0 && stdout.trim() === 'written', () => false)
      if (ended) this.acknowledged.push(number)
      await delay(PAUSE_MS)
    }
  }

  /** Ends the writing; throws where a record that was acknowledged is not there, or none was. How many were. */
  async expectAllThere(): Promise<number> {
    this.end()
    await this.writing
    const { metadata } = this.pod
    await this.stream.waitFor(metadata.name, (pod) => pod.status.phase === 'Running')
    const { stdout } = await persist(`read the log of ${metadata.name}`, this.stream.retries, () => this.run(`touch ${log}; cat ${log}`))
    const found = new Set(stdout.split('\n').map(Number))
    const lost = this.acknowledged.filter((number) => !found.has(number))
    if (lost.length > 0) throw new Error(`${NEVER}: of ${this.acknowledged.length} records that were acknowledged ${lost.length} are not on the volume of ${metadata.name}: ${lost.slice(0, 20).join(', ')}`)
    if (this.acknowledged.length === 0) throw new Error(`no record of ${this.sent} on the volume of ${metadata.name} was acknowledged`)
    return this.acknowledged.length
  }

  private run(script: string) {
    const { namespace, name } = this.pod.metadata
    return this.tenant.api.pod.run.mutate({ tenant: this.tenant.slug, namespace: namespace ?? 'default', name, command: ['sh', '-c', script], timeoutSeconds: 20 })
  }
}
