import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Assignment, NetworkAttachment, PodReport } from '@/contracts/host/v1'
import type { NetworkObject } from '@/contracts/host/v1/networks'
import type { ExternalObject, ExternalReport } from '@/contracts/host/v1/external'
import type { ProbeResult } from '@/contracts/guest/v1/answers'
import type { ProbeParams } from '@/contracts/guest/v1/requests'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import type { PodSpecInput } from '@/domain/pod/spec'
import { buildGuestImage } from '@/guest/image/build'
import { measuredPods } from '@/host/figures/measured-pods'
import { tarArchive, type ArchiveEntry } from '@/host/images/tar/archive'
import { resolverUids } from '@/host/dns/jail'
import { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { logger } from '@/platform/logger'
import { endEach } from '@/tools/testing/cleanup'
import { openHost, type HostSettings, type OpenHost } from '../open-host'
import { testAssignment } from './assignment'
import { testHostTag } from './host-tag'
import { killStrayProcesses } from '../stray-processes'
import { UidPool } from '../uid-pool'
import { keepTemplates, lendTemplates } from './lent-templates'

const guestImages = join(import.meta.dirname, '../../../node_modules/.cache/hypernetes-guest')

/** How a command in a container ended. */
export type Ran = { exitCode: number; output: string }

/** A whole host on this machine, in a folder of its own; its pods share one network. */
export class RealHost {
  private nextAddress = 10
  private readonly network = testAssignment().network
  /** A test that ran out of time may still go on: nothing begins for it any more. */
  private isClosed = false
  private reopening: Promise<void> = Promise.resolve()
  private constructor(
    private host: OpenHost,
    readonly folder: string,
    private readonly hostTag: string,
    private readonly settings: HostSettings,
  ) {}

  static async open({ insecureRegistries = [], scratchBytes = 256 << 20, guest }: { insecureRegistries?: string[]; scratchBytes?: number; guest?: { pointer: string } } = {}): Promise<RealHost> {
    const folder = await mkdtemp(join(tmpdir(), 'host-'))
    const log = logger('test')
    log.level = 'fatal'
    const hostTag = testHostTag()
    const settings: HostSettings = { folder, hostTag, scratchBytes, log, defaultRegistry: 'docker.io', insecureRegistries, accelerator: 'tcg' as const, guest: guest ?? (await buildGuestImage({ outDir: guestImages })), templates: 'tenant-copy' as const, concurrentStarts: 2, tbSizeMiB: 32 }
    if (!guest) await lendTemplates(folder)
    return new RealHost(await openHost(settings, new AbortController().signal), folder, hostTag, settings)
  }

  /** The agent ends and leaves its VMs; another one takes them up, and hears nothing of a server. */
  reopen(): Promise<void> {
    this.refuseOnceClosed()
    this.reopening = this.openAnew()
    return this.reopening
  }

  private async openAnew(): Promise<void> {
    await this.host.pods.leave(30_000)
    await this.host.close()
    this.host = await openHost(this.settings, new AbortController().signal)
    await Promise.all(this.host.pods.reports().map(({ uid }) => this.host.pods.worker(uid)?.whenTakenUp))
  }

  /** An assignment with an address of its own. A pod that names ConfigMaps or Secrets gets them by {@link configure}. */
  pod(spec: Partial<PodSpecInput>, size: Partial<Assignment['size']> = {}, configurationRevision: string | null = null, inNetwork: Partial<NetworkAttachment> = {}): Assignment {
    const number = this.nextAddress++
    const network = { ...this.network, number: 77, address: `10.0.0.${number}`, mac: `02:00:00:00:01:${number}`, ...inNetwork }
    return testAssignment(spec, { network, configurationRevision, size: { vcpus: 1, memoryMiB: 128, scratchMiB: null, ...size } })
  }

  /** An image of these files, which no registry needs. */
  async addImage(reference: string, files: readonly ArchiveEntry[]): Promise<void> {
    await this.host.images.addLocal(reference, tarArchive(files), { entrypoint: [], cmd: ['sleep', '1000000'], env: ['PATH=/bin:/usr/bin'], workingDir: '/', user: '', exposedPorts: [] })
  }

  /** The network namespace in which a pod's VM runs. */
  namespace(pod: Assignment): string {
    return namespaceName(this.hostTag, pod.network.number)
  }

  /** What the server sends of ConfigMaps and Secrets: `texts` are the keys of one ConfigMap. */
  configure(pod: Assignment, name: string, texts: Readonly<Record<string, string>>, revision = pod.configurationRevision ?? ''): void {
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
    const object: ConfigurationObject = { kind: 'ConfigMap', name, type: '', data }
    this.host.pods.configure({ kind: 'configuration', podUid: pod.uid, revision, objects: [object] })
  }

  /** What the server says of the pods' one network. */
  tellNetwork(objects: NetworkObject[]): void {
    this.refuseOnceClosed()
    this.host.networks.take({ kind: 'networkObjects', networkId: this.network.id, complete: true, set: objects, remove: [] })
  }

  /** What the server says of the outside, and nothing else. */
  tellOutside(objects: ExternalObject[]): void {
    this.refuseOnceClosed()
    if (!this.host.external) throw new Error('this host answers for nothing of the outside')
    this.host.external.external.take({ kind: 'externalObjects', complete: true, set: objects, remove: [] })
  }

  /** What this host says of the outside. */
  outside(): ExternalReport[] {
    return [...this.host.external?.external.reports().values() ?? []]
  }

  /** Asks the guests of the pods that run for what the host's figures are made of: how full volumes are comes with it. */
  async measure(): Promise<void> {
    await Promise.all(measuredPods(this.host.pods, (uid, disks) => this.host.volumes.takeUsage(uid, disks)).map(({ stats }) => stats(false)))
  }

  /** The volumes of this host, as the server's messages reach them. */
  get volumes(): OpenHost['volumes'] {
    this.refuseOnceClosed()
    return this.host.volumes
  }

  /** What runs from now on, and nothing else. */
  apply(pods: Assignment[]): void {
    this.refuseOnceClosed()
    this.host.pods.apply(pods)
  }

  report(pod: Assignment): PodReport | null {
    return this.host.pods.report(pod.uid)
  }

  /** Waits for a condition; a failure shows what the host reports. */
  until(condition: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
    return this.come(() => {
      this.refuseOnceClosed()
      return condition()
    }, withinMs)
  }

  untilRunning(pod: Assignment, withinMs = 120_000): Promise<void> {
    return this.until(() => this.report(pod)?.phase === 'Running', withinMs)
  }

  /** Runs a command in a container (null: the first) to its end. */
  async run(pod: Assignment, args: string[], container: string | null = null): Promise<Ran> {
    const output: Buffer[] = []
    const worker = this.host.pods.worker(pod.uid)
    if (!worker) throw new Error('no such pod')
    const process = await worker.exec(container, { args, stdin: false, terminal: null, onOutput: async (_stream, bytes) => void output.push(Buffer.from(bytes)) })
    const { exitCode } = await process.exited
    return { exitCode, output: Buffer.concat(output).toString() }
  }

  /** The pid of a pod's QEMU. */
  async processOf(pod: Assignment): Promise<number | null> {
    return (await this.host.pods.worker(pod.uid)?.stats(false))?.processId ?? null
  }

  /** Tries to reach an address from a pod. */
  async probe(pod: Assignment, params: ProbeParams): Promise<ProbeResult> {
    const worker = this.host.pods.worker(pod.uid)
    if (!worker) throw new Error('no such pod')
    return worker.probe(params)
  }

  /** Everything that a connection to a port of the pod answers to `request`. */
  async ask(pod: Assignment, port: number, request: string): Promise<string> {
    const worker = this.host.pods.worker(pod.uid)
    if (!worker) throw new Error('no such pod')
    const tunnel = await worker.openTunnel(port, 10_000)
    tunnel.end(request)
    return text(tunnel)
  }

  isReady(pod: Assignment): boolean {
    return this.report(pod)?.conditions.find((each) => each.type === 'Ready')?.status === 'True'
  }

  /** A container's log: the text of each record, output and error output as they came. */
  async log(pod: Assignment, container: string, previous = false): Promise<string> {
    const lines: string[] = []
    for await (const record of this.host.logs.read(pod.uid, container, { previous, tailLines: null, since: null, follow: false }, new AbortController().signal)) lines.push(record.text.toString())
    return lines.join('\n')
  }

  /** Ends its pods, and takes away all that is there of it: also where a pod does not end, since its store does not answer or is full. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.reopening.catch(() => {})
    await endEach([
      { what: 'the pods of a host', end: () => this.endPods(), withinMs: 90_000 },
      { what: 'the virtual machines of a host', end: () => killStrayProcesses(new UidPool(this.hostTag).range, new Set(), this.folder) },
      { what: 'a host', end: () => this.closeHost() },
      { what: 'the networks of a host', end: () => this.removeNetworks() },
      { what: 'the folder of a host', end: () => rm(this.folder, { recursive: true, force: true }) },
    ])
  }

  private async endPods(): Promise<void> {
    const { pods } = this.host
    pods.apply([])
    try {
      await this.come(() => pods.reports().every(({ phase }) => phase === 'Gone'), 60_000)
    } catch (error) {
      await pods.leave(10_000)
      throw error
    }
  }

  private async closeHost(): Promise<void> {
    await this.host.close()
    if (!('pointer' in this.settings.guest)) await keepTemplates(this.folder)
  }

  private async removeNetworks(): Promise<void> {
    const { hostTag, settings: { log } } = this
    const uids = new UidPool(hostTag).range
    await endEach([
      { what: 'the networks of pods', end: () => new HostNetwork({ hostTag, uidRange: uids, resolverUids, log }).close() },
      { what: 'the network of stores', end: () => new StorageNamespace({ hostTag, uids, log }).remove() },
    ])
  }

  private refuseOnceClosed(): void {
    if (this.isClosed) throw new Error('this host is closed: the test that uses it is over')
  }

  private async come(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(this.host.pods.reports(), null, 1)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
