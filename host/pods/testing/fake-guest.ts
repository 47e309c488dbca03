import type { Duplex } from 'node:stream'
import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { SignalName, StartContainerParams, WriteFilesParams } from '@/contracts/guest/v1/requests'
import { GuestRefusal, type ContainerInput, type Guest, type GuestContainer, type GuestExec, type GuestExit, type GuestProcess, type OutputSink } from '../ports'
import type { FakeClock } from './fake-clock'
import { noVolumes } from './fake-volumes'

/** A container as a test wants it to behave. Without a rule it runs until it is signalled. */
export type Behaviour = { refuse?: { code: string; message: string }; ignoresTerm?: boolean; signalled?: number }
/** What a process beside a container's does: it ends at once with a code, or only when it is killed. */
export type ExecBehaviour = { exitCode: number; output?: string } | 'hangs' | GuestRefusal

type Running = { onExit: (exit: GuestExit) => void; sink: OutputSink }

/** What of a host its guests see: how their containers and processes behave, and where their calls are written down. */
export type GuestSurroundings = {
  readonly clock: FakeClock
  readonly behaviour: ReadonlyMap<string, Behaviour>
  readonly started: Map<string, Omit<StartContainerParams, 'stream'>>
  readonly inputs: ReadonlyMap<string, ContainerInput>
  readonly tunnels: ReadonlyMap<number, () => Promise<Duplex>>
  /** By volume, path and content. */
  readonly files: Map<string, Record<string, string>>
  readonly calls: string[]
  stats: StatsResult | null
  exec: (args: string[], container: string) => ExecBehaviour
  step: (name: string) => Promise<void>
}

/** The agent of one fake VM. */
export class FakeGuest implements Guest {
  containers: GuestContainer[] = []
  images: string[] = []
  isSetUp = false
  readonly volumes = noVolumes
  readonly running = new Map<string, Running>()
  readonly signals: { container: string; signal: SignalName }[] = []
  lose: (cause: string) => void = () => {}
  readonly closed = new Promise<string>((resolve) => (this.lose = resolve))
  constructor(private readonly host: GuestSurroundings) {}

  async setup(): Promise<void> {
    await this.host.step('guest.setup')
    this.isSetUp = true
  }
  async addImage(serial: string, key: string): Promise<void> {
    await this.host.step(`guest.addImage ${key}`)
    this.images.push(serial)
  }
  async startContainer(params: Omit<StartContainerParams, 'stream'>, sink: OutputSink, onExit: (exit: GuestExit) => void): Promise<void> {
    await this.host.step(`guest.start ${params.container}`)
    const refusal = this.host.behaviour.get(params.container)?.refuse
    if (refusal) throw new GuestRefusal(refusal.code, refusal.message)
    if (this.running.has(params.container)) throw new Error(`${params.container} runs twice`)
    this.host.started.set(params.container, params)
    this.running.set(params.container, { onExit, sink })
  }
  attachContainer(container: string, sink: OutputSink, onExit: (exit: GuestExit) => void): void {
    const known = this.containers.find((c) => c.container === container)
    this.running.set(container, { onExit, sink })
    if (known?.exited) this.exit(container, known.exited.exitCode)
  }
  async removeContainer(container: string): Promise<void> {
    await this.host.step(`guest.remove ${container}`)
  }
  async signalContainer(container: string, signal: SignalName): Promise<void> {
    this.signals.push({ container, signal })
    await this.host.step(`guest.signal ${container} ${signal}`)
    if (signal === 'KILL') this.exit(container, 137, 9)
    else if (!this.host.behaviour.get(container)?.ignoresTerm) this.exit(container, 143, 15)
  }
  /** The container's process ends by itself. */
  exit(container: string, exitCode: number, signal: number | null = null, rest: Partial<GuestExit> = {}): void {
    const running = this.running.get(container)
    this.running.delete(container)
    running?.onExit({ exitCode, signal, oomKilled: false, at: this.host.clock.now(), ...rest })
  }
  async exec({ container, args, onOutput }: GuestExec): Promise<GuestProcess> {
    await this.host.step(`guest.exec ${container} ${args.join(' ')}`)
    const behaviour = this.host.exec(args, container)
    if (behaviour instanceof GuestRefusal) throw behaviour
    let end: (exit: { exitCode: number; signal: number | null }) => void = () => {}
    const exited = new Promise<{ exitCode: number; signal: number | null }>((resolve) => (end = resolve))
    if (behaviour !== 'hangs') {
      if (behaviour.output) await onOutput('stdout', Buffer.from(behaviour.output))
      end({ exitCode: behaviour.exitCode, signal: null })
    }
    const kill = async () => {
      this.host.calls.push(`guest.kill ${args.join(' ')}`)
      end({ exitCode: 137, signal: 9 })
    }
    return { exited, kill, write: async () => {}, endInput: () => {}, resize: async () => {} }
  }
  containerInput(container: string): ContainerInput | null {
    return this.host.inputs.get(container) ?? null
  }
  async openTunnel(port: number): Promise<Duplex> {
    const open = this.host.tunnels.get(port)
    if (!open) throw new GuestRefusal('ConnectionRefused', 'connection refused')
    return open()
  }
  archive: Guest['archive'] = () => Promise.reject(new GuestRefusal('NotFound', 'no files here'))
  probe: Guest['probe'] = () => Promise.resolve({ outcome: 'open', milliseconds: 1, detail: '' })
  listFolder: Guest['listFolder'] = () => Promise.reject(new GuestRefusal('NotFound', 'no folders here'))
  async writeFiles(volume: string, _version: string, files: WriteFilesParams['files']): Promise<void> {
    await this.host.step(`guest.writeFiles ${volume}`)
    this.host.files.set(volume, Object.fromEntries(files.map(({ path, contentBase64 }) => [path, Buffer.from(contentBase64, 'base64').toString()])))
  }
  async setRoutedAddresses(): Promise<void> {
    await this.host.step('guest.setRoutedAddresses')
  }
  async stats(): Promise<StatsResult> {
    const { stats } = this.host
    if (!stats) throw new GuestRefusal('Unavailable', 'no figures here')
    return stats
  }
  async shutdown(): Promise<void> {
    await this.host.step('guest.shutdown')
  }
  standStill(): void {}
  close(): void {
    this.lose('closed')
  }
}
