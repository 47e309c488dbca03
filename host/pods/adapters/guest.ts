import type { Duplex, Readable, Writable } from 'node:stream'
import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { ContainerExited } from '@/contracts/guest/v1/messages'
import type { ListFolderParams, ProbeParams, SetRoutedAddressesParams, SetupParams, SignalName, StartContainerParams, WriteFilesParams } from '@/contracts/guest/v1/requests'
import type { GuestClient } from '@/host/guest/client'
import type { ExecSession } from '@/host/guest/exec-session'
import { requestsOf } from '@/host/guest/file-requests'
import type { ProcessStreams } from '@/host/guest/stream-table'
import { GuestTunnel } from '@/host/guest/tunnel'
import type { GuestVolumes } from '../guest-volumes'
import { GuestRefusal, type ContainerInput, type Guest, type GuestArchive, type GuestContainer, type GuestExec, type GuestExit, type GuestProcess, type OutputSink } from '../ports'
import { connectedVolumes } from './guest-volumes'
import { translated } from './translated'

/** A worker's guest over a connection to the real agent. */
export class ConnectedGuest implements Guest {
  readonly containers: GuestContainer[]
  readonly images: string[]
  readonly isSetUp: boolean
  readonly closed: Promise<string>
  readonly volumes: GuestVolumes
  private readonly exits = new Map<string, (exit: GuestExit) => void>()

  constructor(private readonly client: GuestClient) {
    const { hello } = client
    this.containers = hello.containers.map(({ container, stream, exited }) => ({ container, stream, exited }))
    this.images = hello.images
    this.isSetUp = hello.instance !== null
    this.volumes = connectedVolumes(client.volumes)
    this.closed = new Promise((resolve) => client.once('closed', (error) => resolve(error?.message ?? 'closed')))
    client.on('containerExited', (exit: ContainerExited) => this.exits.get(exit.container)?.(exit))
  }

  async setup(params: SetupParams): Promise<void> {
    await translated(this.client.setup(params))
  }

  addImage(serial: string, key: string): Promise<void> {
    return translated(this.client.addImage({ serial, key }))
  }

  async startContainer(params: Omit<StartContainerParams, 'stream'>, sink: OutputSink, onExit: (exit: GuestExit) => void): Promise<void> {
    // The exit may be told before the answer to the start.
    const exited = this.exitOf(params.container)
    const streams = await translated(this.client.startContainer(params))
    void this.serve(streams, sink, exited, onExit)
  }

  attachContainer(container: string, sink: OutputSink, onExit: (exit: GuestExit) => void): void {
    const known = this.containers.find((c) => c.container === container)
    const streams = this.client.containerStreams(container)
    if (!known || !streams) return
    if (streams.stdout.lostBytes > 0) sink.lost('stdout', streams.stdout.lostBytes)
    if (streams.stderr.lostBytes > 0) sink.lost('stderr', streams.stderr.lostBytes)
    void this.serve(streams, sink, known.exited ? Promise.resolve(known.exited) : this.exitOf(container), onExit)
  }

  removeContainer(container: string): Promise<void> {
    return translated(this.client.removeContainer(container)).catch((error: unknown) => {
      if (!(error instanceof GuestRefusal && error.code === 'NotFound')) throw error
    })
  }

  signalContainer(container: string, signal: SignalName): Promise<void> {
    return translated(this.client.signalContainer(container, signal))
  }

  async exec({ container, args, stdin, terminal, onOutput }: GuestExec): Promise<GuestProcess> {
    const session = await translated(this.client.exec({ container, args, env: terminal ? ['TERM=xterm-256color'] : [], cwd: null, user: null, stdin, terminal }))
    return new ExecProcess(session, onOutput)
  }

  containerInput(container: string): ContainerInput | null {
    const streams = this.client.containerStreams(container)
    if (!streams) return null
    const { stdin } = streams
    return {
      write: async (bytes, signal) => (stdin ? writeTo(stdin, bytes, signal) : undefined),
      end: () => void stdin?.end(),
      resize: (columns, rows) => translated(this.client.resizeContainer(container, columns, rows)),
    }
  }

  async openTunnel(port: number, timeoutMs: number): Promise<Duplex> {
    return new GuestTunnel(await translated(this.client.openTunnel(port, timeoutMs)))
  }

  async archive({ container, direction, path, onOutput }: GuestArchive): Promise<GuestProcess> {
    return new ExecProcess(await translated(this.client.archive({ container, direction, path })), onOutput)
  }

  listFolder(params: ListFolderParams): ReturnType<Guest['listFolder']> {
    return translated(this.client.listFolder(params))
  }

  probe(params: ProbeParams): ReturnType<Guest['probe']> {
    return translated(this.client.probe(params))
  }

  async writeFiles(volume: string, version: string, files: WriteFilesParams['files']): Promise<void> {
    for (const { part, isLast } of requestsOf(files)) await translated(this.client.writeFiles({ volume, version, files: part, commit: isLast }))
  }

  setRoutedAddresses(params: SetRoutedAddressesParams): Promise<void> {
    return translated(this.client.setRoutedAddresses(params))
  }

  stats(usage: boolean): Promise<StatsResult> {
    return translated(this.client.stats(usage))
  }

  standStill(isStill: boolean): void {
    this.client.standStill(isStill)
  }

  shutdown(graceMilliseconds: number): Promise<void> {
    return translated(this.client.shutdown(graceMilliseconds))
  }

  close(): void {
    this.client.close()
  }

  private exitOf(container: string): Promise<GuestExit> {
    return new Promise((resolve) => this.exits.set(container, resolve))
  }

  private async serve(streams: ProcessStreams, sink: OutputSink, exited: Promise<GuestExit>, onExit: (exit: GuestExit) => void): Promise<void> {
    const write: GuestExec['onOutput'] = (stream, bytes) => sink.write(stream, bytes)
    const outputs = Promise.all([pump(streams.stdout, 'stdout', write), pump(streams.stderr, 'stderr', write)])
    const complete = outputs.then(() => true, () => false)
    const exit = await exited
    const isComplete = await complete
    // A connection that was lost under the last output is the worker's to deal with: the exit is told by the next one.
    if (isComplete) onExit(exit)
  }
}

class ExecProcess implements GuestProcess {
  readonly exited: GuestProcess['exited']

  constructor(
    private readonly session: ExecSession,
    onOutput: GuestExec['onOutput'],
  ) {
    const outputs = Promise.all([pump(session.stdout, 'stdout', onOutput), pump(session.stderr, 'stderr', onOutput)])
    outputs.catch(() => {})
    this.exited = session.exit.then(async (exit) => {
      await outputs
      return exit
    })
    this.exited.catch(() => {})
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.session.stdin) await writeTo(this.session.stdin, bytes)
  }

  endInput(): void {
    this.session.stdin?.end()
  }

  resize(columns: number, rows: number): Promise<void> {
    return translated(this.session.resize(columns, rows))
  }

  kill(signal: SignalName): Promise<void> {
    return translated(this.session.signal(signal))
  }
}

/**
 * Writes once what others wrote was taken, and resolves when more can be taken, also where nobody reads on. Who goes away
 * first has written nothing: a process that does not read must not gather what many wrote.
 */
export async function writeTo(stdin: Writable, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  while (stdin.writableNeedDrain && !isOver(stdin, signal)) await takesMore(stdin, signal)
  if (isOver(stdin, signal)) return
  if (!stdin.write(bytes)) await takesMore(stdin, signal)
}

const isOver = (stdin: Writable, signal: AbortSignal | undefined): boolean => stdin.destroyed || stdin.writableEnded || signal?.aborted === true

/** Until there is room again, it has gone, or the signal. */
function takesMore(stdin: Writable, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'finish']) stdin.off(event, done)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    for (const event of ['drain', 'close', 'finish']) stdin.on(event, done)
    signal?.addEventListener('abort', done)
  })
}

/** Hands each piece on before the next one is taken, so that the guest's credit follows the receiver. */
async function pump(output: Readable, stream: 'stdout' | 'stderr', onOutput: GuestExec['onOutput']): Promise<void> {
  for await (const chunk of output) if (chunk instanceof Uint8Array) await onOutput(stream, chunk)
}
