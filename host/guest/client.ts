import { EventEmitter } from 'node:events'
import type * as z from 'zod/mini'
import { FrameError, FrameType, inputWindow, type FrameHeader } from '@/contracts/guest/v1/frame'
import { results, type Result } from '@/contracts/guest/v1/answers'
import type { ContainerExited, GuestMessage, Hello } from '@/contracts/guest/v1/messages'
import type { ExecParams, Method, Params, SetRoutedAddressesParams, SetupParams, SignalName, StartContainerParams } from '@/contracts/guest/v1/requests'
import { Connection } from '@/host/guest/connection'
import { GuestConnectionError } from '@/host/guest/errors'
import type { ExecSession } from '@/host/guest/exec-session'
import { ExecSessions } from '@/host/guest/exec-sessions'
import { parseMessage } from '@/host/guest/parse-message'
import { Requests } from '@/host/guest/requests'
import { StreamTable, type ProcessStreams } from '@/host/guest/stream-table'
import { VolumeRequests } from '@/host/guest/volume-requests'

export interface GuestClientOptions {
  /** How long the guest may take to its hello; a cold boot counts. Default 60 s. */
  helloTimeoutMs?: number
  /** How long one answer may take. Default 30 s. */
  requestTimeoutMs?: number
  signal?: AbortSignal
  /** How long a session may live after its KILL before it is forgotten. Default 30 s. */
  killedWithinMs?: number
  /** How long a guest may take nothing of what waits for it. Default 120 s. */
  stalledWithinMs?: number
}

export interface GuestClientEvents {
  containerExited: [exit: ContainerExited]
  /** Once. With an error unless close() was called. */
  closed: [error: Error | undefined]
}

/** Messages nobody asked for: late answers, exits of what is already removed. More is a flood. */
const maxUnsolicited = 1000
const maxUnsolicitedBytes = 16 * 1024 * 1024
/** The host counts its streams from 1 and a connection never sees so many. */
const maxStreamNumber = 0x7fff_ffff

/**
 * The host's side of one guest agent. Whatever the guest says is parsed and bounded: what breaks the
 * protocol closes the connection with a GuestConnectionError, on which every request and stream fails.
 * Requests may be sent without waiting for each other: the guest carries out those that change it in order.
 */
export class GuestClient extends EventEmitter<GuestClientEvents> {
  private readonly connection: Connection
  private readonly streams: StreamTable
  private readonly requests: Requests
  private readonly sessions: ExecSessions
  /** What is asked for volumes that have disks of their own. */
  readonly volumes: VolumeRequests
  /** Of the containers that have not been removed. */
  private readonly containers = new Map<string, { streams: ProcessStreams; exited: boolean }>()
  private unsolicited = 0
  private unsolicitedBytes = 0
  private greeting: Hello | undefined
  private onHello: () => void = () => {}

  private constructor(
    socketPath: string,
    private readonly requestTimeoutMs: number,
    killedWithinMs: number,
    stalledMs: number | undefined,
  ) {
    super()
    const write = (frame: Uint8Array) => this.connection.write(frame)
    this.streams = new StreamTable(write)
    this.requests = new Requests(write, (error) => this.connection.close(error))
    this.sessions = new ExecSessions(this.streams, this.requests, { requestTimeoutMs, killedWithinMs })
    this.volumes = new VolumeRequests(this.requests, requestTimeoutMs)
    this.connection = new Connection(socketPath, {
      frame: (header, payload) => this.frame(header, payload),
      closed: (error) => this.closed(error),
    }, stalledMs)
  }

  /**
   * Connects to the socket of a guest's port and resolves at its hello. The guest may still be
   * booting. Any earlier connection to the same guest is over; container output that its reader had
   * not consumed comes again, and execs are gone. Throws GuestConnectionError.
   */
  static async connect(socketPath: string, options: GuestClientOptions = {}): Promise<GuestClient> {
    options.signal?.throwIfAborted()
    const client = new GuestClient(socketPath, options.requestTimeoutMs ?? 30_000, options.killedWithinMs ?? 30_000, options.stalledWithinMs)
    const abort = () => client.connection.close(new GuestConnectionError('aborted', { cause: options.signal?.reason }))
    const late = () => client.connection.close(new GuestConnectionError('the guest did not say hello in time'))
    const timer = setTimeout(late, options.helloTimeoutMs ?? 60_000)
    options.signal?.addEventListener('abort', abort)
    try {
      await new Promise<void>((resolve, reject) => {
        client.onHello = resolve
        client.once('closed', (error) => reject(error ?? new GuestConnectionError('closed before the hello')))
      })
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', abort)
    }
    return client
  }

  /** What the guest said when this connection began. */
  get hello(): Hello {
    if (!this.greeting) throw new GuestConnectionError('the guest has not said hello')
    return this.greeting
  }

  /**
   * Whether the VM stands still for something outside of it: its guest answers and reads nothing meanwhile, and is not taken to be lost for it. What was asked, and is asked, is answered once it goes on; only what
   * concerns volumes has its own time.
   */
  standStill(isStill: boolean): void {
    this.requests.standStill(isStill)
    this.connection.standStill(isStill)
  }

  /** Ends this connection; the guest and its containers go on. */
  close(): void {
    this.connection.close()
  }

  ping(): Promise<Result<'ping'>> {
    return this.request('ping', {}, results.ping)
  }

  /** The same as the hello, as of now. */
  identify(): Promise<Hello> {
    return this.request('identify', {}, results.identify)
  }

  /** Makes the VM this pod's; once in a VM's life. */
  setup(params: SetupParams): Promise<Result<'setup'>> {
    return this.request('setup', params, results.setup)
  }

  /** Mounts the image disk of a serial under a key; again for a key that is there does nothing. */
  async addImage(params: Params<'addImage'>): Promise<void> {
    await this.request('addImage', params, results.addImage)
  }

  /** Starts a container; resolves once it runs. Its outputs must be read, or it blocks. */
  async startContainer(params: Omit<StartContainerParams, 'stream'>): Promise<ProcessStreams & { pid: number }> {
    const name = params.container
    const streams = this.streams.open({ stdinFree: params.stdin ? inputWindow : null, terminal: params.terminal !== null })
    // Its exit may be told before the answer.
    const before = this.containers.get(name)
    if (!before) this.containers.set(name, { streams, exited: false })
    try {
      const { pid } = await this.request('startContainer', { ...params, stream: streams.stream }, results.startContainer)
      return { ...streams, pid }
    } catch (error) {
      if (!before) this.containers.delete(name)
      this.streams.drop(streams)
      throw error
    }
  }

  /** The streams of a container that runs or ran since before this connection, as the hello named it. */
  containerStreams(container: string): ProcessStreams | undefined {
    return this.containers.get(container)?.streams
  }

  /** Signals the first process of a container; nothing where it has ended. */
  async signalContainer(container: string, signal: SignalName): Promise<void> {
    await this.request('signalContainer', { container, signal }, results.signalContainer)
  }

  /** Removes a container and its writable layer, killing it first where it runs. Output not read by then is lost. */
  async removeContainer(container: string): Promise<void> {
    await this.request('removeContainer', { container }, results.removeContainer)
    const known = this.containers.get(container)
    this.containers.delete(container)
    if (known) this.streams.drop(known.streams)
  }

  /** Runs a command in a container; resolves once it runs. */
  exec(params: Omit<ExecParams, 'stream'>): Promise<ExecSession> {
    return this.sessions.begin({ method: 'exec', stdin: params.stdin, oneOutput: params.terminal !== null, start: (stream) => this.request('exec', { ...params, stream }, results.exec) })
  }

  /** Copies files as a tar stream, as ArchiveParams says; resolves once it is under way. */
  archive(params: Omit<Params<'archive'>, 'stream'>): Promise<ExecSession> {
    return this.sessions.begin({ method: 'archive', stdin: params.direction === 'in', oneOutput: false, start: (stream) => this.request('archive', { ...params, stream }, results.archive) })
  }

  /** Opens a TCP connection to a port of the pod; resolves once it is connected. All of it is stdin and stdout. */
  openTunnel(port: number, connectTimeoutMilliseconds: number): Promise<ExecSession> {
    return this.sessions.begin({ method: 'openTunnel', stdin: true, oneOutput: true, start: (stream) => this.request('openTunnel', { stream, port, connectTimeoutMilliseconds }, results.openTunnel, connectTimeoutMilliseconds + this.requestTimeoutMs) })
  }

  /** Puts files into a volume of configuration, as WriteFilesParams says. */
  async writeFiles(params: Params<'writeFiles'>): Promise<void> {
    await this.request('writeFiles', params, results.writeFiles)
  }

  /** Sets the size of the terminal of a container that was started with one. */
  async resizeContainer(container: string, columns: number, rows: number): Promise<void> {
    const stream = this.containers.get(container)?.streams.stream ?? 0
    await this.request('resize', { stream, columns, rows }, results.resize)
  }

  /** One page of a folder of a container. */
  listFolder(params: Params<'listFolder'>): Promise<Result<'listFolder'>> {
    return this.request('listFolder', params, results.listFolder)
  }

  /** Tries to reach an address from the VM's network. */
  probe(params: Params<'probe'>): Promise<Result<'probe'>> {
    return this.request('probe', params, results.probe, params.timeoutSeconds * 1000 + this.requestTimeoutMs)
  }

  /** These addresses are routed to the pod, and no others. */
  async setRoutedAddresses(params: SetRoutedAddressesParams): Promise<void> {
    await this.request('setRoutedAddresses', params, results.setRoutedAddresses)
  }

  /** `usage`: also how much folders take, which reads them. */
  stats(usage = false): Promise<Result<'stats'>> {
    return this.request('stats', { usage }, results.stats)
  }

  /** Asks all containers to end, kills them after the grace, and switches the VM off shortly after the answer. */
  async shutdown(graceMilliseconds: number): Promise<void> {
    await this.request('shutdown', { graceMilliseconds }, results.shutdown, graceMilliseconds + this.requestTimeoutMs)
  }

  private request<M extends Method, T>(method: M, params: Params<M>, result: z.ZodMiniType<T>, timeoutMs = this.requestTimeoutMs): Promise<T> {
    return this.requests.send(method, params, result, timeoutMs)
  }

  private frame(header: FrameHeader, payload: Uint8Array): void {
    if (header.type === FrameType.control) this.message(parseMessage(payload), payload.length)
    else this.streams.accept(header, payload)
  }

  private message(message: GuestMessage, bytes: number): void {
    if (message.kind === 'hello') return this.greet(message)
    if (!this.greeting) throw new FrameError('a message before the hello')
    if (message.kind === 'response') {
      if (!this.requests.answer(message)) this.countUnsolicited(bytes)
    } else if (message.event === 'execExited') {
      if (!this.sessions.ended(message)) this.countUnsolicited(bytes)
    } else this.containerExited(message, bytes)
  }

  private greet(hello: Hello): void {
    if (this.greeting) throw new FrameError('a second hello')
    this.greeting = hello
    for (const { container, stream, stdout, stderr, stdinFree, terminal, exited } of hello.containers) {
      if (this.containers.has(container) || this.streams.has(stream)) throw new FrameError('a container or a stream twice in the hello')
      if (stream > maxStreamNumber || (stdinFree ?? 0) > inputWindow) throw new FrameError('a stream in the hello that no host has opened')
      const lost = { stdout: Math.max(0, stdout.start - stdout.acknowledged), stderr: Math.max(0, stderr.start - stderr.acknowledged) }
      this.containers.set(container, { streams: this.streams.open({ stream, terminal, stdinFree, lost }), exited: exited !== null })
    }
    this.onHello()
  }

  private containerExited(message: ContainerExited, bytes: number): void {
    const known = this.containers.get(message.container)
    if (!known || known.exited) return this.countUnsolicited(bytes)
    known.exited = true
    known.streams.stdin?.destroy()
    this.emit('containerExited', message)
  }

  private countUnsolicited(bytes: number): void {
    this.unsolicited += 1
    this.unsolicitedBytes += bytes
    if (this.unsolicited > maxUnsolicited || this.unsolicitedBytes > maxUnsolicitedBytes) throw new FrameError('too many messages that nobody asked for')
  }

  private closed(cause: Error | undefined): void {
    const error = cause instanceof GuestConnectionError ? cause : new GuestConnectionError(reasonOf(cause), { cause })
    this.requests.failAll(error)
    this.sessions.failAll(error)
    this.streams.failAll(error)
    this.emit('closed', cause && error)
  }
}

/** For the pod's events; nothing of it is the guest's words, and a colon would end what is shown of it. */
function reasonOf(cause: Error | undefined): string {
  if (cause instanceof FrameError) return `the agent in the virtual machine broke its protocol (${cause.message})`
  return cause?.message ?? 'the connection was closed'
}
