import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Assignment, HostEvent, PodReport } from '@/contracts/host/v1'
import type { PodSpecInput } from '@/domain/pod/spec'
import { buildGuestImage } from '@/guest/image/build'
import { sizeKey } from '@/host/hypervisor/templates/pristine'
import { sampleReference } from '@/host/images/sample/sample-image'
import { logger } from '@/platform/logger'
import { commonSizes, openHost, type HostSettings, type OpenHost } from '../open-host'
import { testAssignment } from './assignment'
import { testHostTag } from './host-tag'
import { census, virtualMachines } from './census'
import { keepTemplates, lendTemplates } from './lent-templates'
import { Faults, SkippedClock } from './faults'

const guestImages = join(import.meta.dirname, '../../../node_modules/.cache/hypernetes-guest')

/** A real host whose steps can be made to fail, whose waits can be passed over, and whose agent can be ended and opened again. */
export class FaultHost {
  readonly faults = new Faults()
  readonly clock = new SkippedClock()
  readonly events: HostEvent[] = []
  private readonly network = testAssignment().network
  private nextAddress = 10
  private constructor(
    readonly folder: string,
    readonly hostTag: string,
    private readonly settings: Omit<HostSettings, 'folder' | 'hostTag' | 'log' | 'wrapPorts'>,
    private host: OpenHost | null = null,
  ) {}

  /** `folder`: where the host keeps all; by default a folder of its own. */
  static async open({ folder, templates = 'tenant-copy' }: { folder?: string; templates?: HostSettings['templates'] } = {}): Promise<FaultHost> {
    const guest = await buildGuestImage({ outDir: guestImages })
    const hostTag = testHostTag()
    const settings = { defaultRegistry: 'docker.io', insecureRegistries: [], accelerator: 'tcg' as const, guest, templates, concurrentStarts: 2, tbSizeMiB: 32, scratchBytes: 64 << 20 }
    const host = new FaultHost(folder ?? (await mkdtemp(join(tmpdir(), 'faults-'))), hostTag, settings)
    if (templates !== 'cold') await lendTemplates(host.folder)
    await host.begin()
    return host
  }

  /** Opens the host, as another run of the agent does. */
  async begin(): Promise<void> {
    const log = logger('test')
    log.level = 'fatal'
    const wrapPorts: HostSettings['wrapPorts'] = (ports) => ({ ...this.faults.wrap(ports), clock: this.clock })
    this.host = await openHost({ ...this.settings, folder: this.folder, hostTag: this.hostTag, log, wrapPorts }, new AbortController().signal)
    this.host.pods.listen({ podChanged: () => {}, podProgressed: () => {}, imageChanged: () => {}, event: (event) => this.events.push(event) })
  }

  /** Ends the agent; the VMs run on. */
  async leave(): Promise<void> {
    await this.pods.leave(10_000)
    await this.host?.close()
    this.host = null
  }

  /** Resolves when the templates that are made ahead are there: programs that make them would be counted by a census. */
  async untilTemplatesMade(): Promise<void> {
    const sizes = new Set(commonSizes().map(sizeKey))
    const pristine = join(this.folder, 'templates/pristine')
    await this.until(async () => {
      const names = await readdir(pristine)
      // Others may be there that an earlier host of a test made.
      return [...sizes].every((size) => names.some((name) => name.includes(`-${size}-`))) && !names.some((name) => name.startsWith('draft-'))
    }, 120_000)
  }

  get pods(): OpenHost['pods'] {
    if (!this.host) throw new Error('the agent does not run')
    return this.host.pods
  }

  get networks(): OpenHost['networks'] {
    if (!this.host) throw new Error('the agent does not run')
    return this.host.networks
  }

  get logs(): OpenHost['logs'] {
    if (!this.host) throw new Error('the agent does not run')
    return this.host.logs
  }

  pod(spec: Partial<PodSpecInput> = {}): Assignment {
    const number = this.nextAddress++
    const network = { ...this.network, number: 78, address: `10.0.0.${number}`, mac: `02:00:00:00:02:${number}` }
    return testAssignment({ containers: [{ name: 'web', image: sampleReference }], ...spec }, { network })
  }

  report(pod: Assignment): PodReport | null {
    return this.pods.report(pod.uid)
  }

  isReady(pod: Assignment): boolean {
    return this.report(pod)?.conditions.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
  }

  eventsOf(pod: Assignment, reason: string): HostEvent[] {
    return this.events.filter((event) => event.podUid === pod.uid && event.reason === reason)
  }

  async run(pod: Assignment, ...args: string[]): Promise<string> {
    const output: Buffer[] = []
    const process = await this.pods.worker(pod.uid)?.exec(null, { args, stdin: false, terminal: null, onOutput: async (_stream, bytes) => void output.push(Buffer.from(bytes)) })
    await process?.exited
    return Buffer.concat(output).toString()
  }

  /** A container's log: the text of each record. */
  async log(pod: Assignment, container: string): Promise<string> {
    const lines: string[] = []
    for await (const record of this.logs.read(pod.uid, container, { previous: false, tailLines: null, since: null, follow: false }, new AbortController().signal)) lines.push(record.text.toString())
    return lines.join('\n')
  }

  async vmsOf(pod: Assignment): Promise<number[]> {
    return (await virtualMachines(this.folder)).filter(({ podUid }) => podUid === pod.uid).map(({ pid }) => pid)
  }

  census(): Promise<string[]> {
    return census(this.folder, this.hostTag)
  }

  async until(condition: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
    const deadline = performance.now() + withinMs
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify([this.pods.reports(), this.events.slice(-10)], null, 1)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** What was before comes back, at the latest in 120 s. A failure shows what is more and what is less. `lasting`: without what an agent holds open, which another one need not. */
  async untilAsBefore(all: string[], which: 'all' | 'lasting' = 'all'): Promise<void> {
    const counted = (lines: string[]) => (which === 'all' ? lines : lines.filter((line) => !/^open |^\d+ (socket|pipe):$/.test(line)))
    const before = counted(all)
    const deadline = performance.now() + 120_000
    for (;;) {
      const now = counted(await this.census())
      const [more, less] = [without(now, before), without(before, now)]
      if (more.length + less.length === 0) return
      if (performance.now() > deadline) throw new Error(`the machine is not as it was: ${JSON.stringify({ more, less }, null, 1)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async close(): Promise<void> {
    if (!this.host) await this.begin()
    this.pods.apply([])
    await this.until(() => this.pods.reports().every((r) => r.phase === 'Gone'))
    await this.host?.close()
    if (this.settings.templates !== 'cold') await keepTemplates(this.folder)
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** The lines of one list that the other does not have, each as often. */
function without(all: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return all.filter((line) => {
    const place = left.indexOf(line)
    if (place >= 0) left.splice(place, 1)
    return place < 0
  })
}
