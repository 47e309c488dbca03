import * as std from 'qjs:std'
import type * as z from 'zod/mini'
import { Channel, decodeCredit, FrameType, type FrameHeader } from '@/contracts/guest/v1/frame'
import { protocolVersion, type Hello } from '@/contracts/guest/v1/messages'
import { Envelope, methods, Request, type Method, type Params, type SetupParams } from '@/contracts/guest/v1/requests'
import { Containers, type MountedVolume } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { Execs, resizeTerminal } from '@/guest/execs'
import { readText } from '@/guest/files'
import { addImage, imageKeys } from '@/guest/images'
import { Link } from '@/guest/link'
import { listFolder } from '@/guest/list-folder'
import { diskPath, setUpMachine, volumePath } from '@/guest/machine'
import type { Output } from '@/guest/outputs'
import { probe } from '@/guest/probe'
import { ReseedWatch } from '@/guest/reseed'
import { RoutedAddresses } from '@/guest/routed-addresses'
import type { Launched } from '@/guest/runtime'
import { shutDown } from '@/guest/shutdown'
import { Statistics } from '@/guest/statistics'
import { decodeText } from '@/guest/text'
import { writeVolumeFiles } from '@/guest/volume-files'
import { Volumes } from '@/guest/volumes/volumes'

/** Carries out a request; no value is an empty answer. */
type Handler<T> = (params: T) => Promise<object | void> | void

function randomId(): string {
  return readText('/proc/sys/kernel/random/uuid', 64)?.trim() ?? ''
}

/** Answers the host's requests and routes the bytes of streams. */
export class Agent {
  private readonly link: Link
  private readonly containers: Containers
  private readonly execs: Execs
  private readonly volumes: Volumes
  private readonly statistics = new Statistics()
  private readonly reseed = new ReseedWatch()
  private readonly routed = new RoutedAddresses()
  private readonly kernel = readText('/proc/sys/kernel/osrelease', 128)?.trim() ?? ''
  private bootId = randomId()
  private settings: SetupParams | undefined
  /** Requests that change the VM run one after another; a host may send them without waiting. */
  private order: Promise<unknown> = Promise.resolve()

  constructor(device: string) {
    this.link = Link.open(device, {
      attached: () => this.attached(),
      detached: () => this.detached(),
      frame: (header, payload) => this.frame(header, payload),
    })
    this.containers = new Containers(
      this.link,
      (name) => this.volume(name),
      (name, path) => this.volumes.device(name, path, this.settings?.fsGroup ?? 0),
      (container, exit) => this.link.send({ kind: 'event', event: 'containerExited', container, ...exit }),
    )
    this.volumes = new Volumes(this.containers)
    this.execs = new Execs(this.link, (stream, exit) => this.link.send({ kind: 'event', event: 'execExited', stream, ...exit }))
  }

  private volume(name: string): MountedVolume {
    const volume = this.settings?.volumes.find((candidate) => candidate.name === name)
    if (volume?.medium === 'disk') return this.volumes.mounted(name)
    if (!volume) throw new GuestError('NotFound', 'the pod has no such volume', name)
    return { path: volumePath(volume), readOnly: volume.medium === 'files' }
  }

  private attached(): Hello {
    this.execs.dropAll()
    this.volumes.thawAll()
    const hello = this.hello()
    for (const { process } of this.containers.list()) process.outputs.forEach((output) => output.attached())
    return hello
  }

  private detached(): void {
    this.execs.dropAll()
    this.volumes.thawAll()
    for (const { process } of this.containers.list()) process.outputs.forEach((output) => output.detached())
  }

  private hello(): Hello {
    const nothing = { acknowledged: 0, start: 0 }
    return {
      kind: 'hello',
      version: protocolVersion,
      bootId: this.bootId,
      instance: this.settings?.instance ?? null,
      kernel: this.kernel,
      images: imageKeys(),
      containers: this.containers.list().map(({ params, process, exited }) => ({
        container: params.container,
        stream: params.stream,
        exited,
        terminal: params.terminal !== null,
        stdout: process.outputs[0]?.state() ?? nothing,
        stderr: process.outputs[1]?.state() ?? nothing,
        stdinFree: process.stdin?.free ?? null,
      })),
    }
  }

  private frame(header: FrameHeader, payload: Uint8Array): void {
    if (header.type === FrameType.control) return this.control(payload)
    const process = this.processOf(header.stream)
    if (!process) return
    if (header.type === FrameType.credit) this.outputOf(process, header.channel)?.credit(decodeCredit(payload))
    if (header.type === FrameType.data && header.channel === Channel.stdin) process.stdin?.push(payload)
    if (header.type === FrameType.end && header.channel === Channel.stdin) process.stdin?.end()
  }

  private processOf(stream: number): Launched | undefined {
    return this.execs.find(stream) ?? this.containers.list().find(({ params }) => params.stream === stream)?.process
  }

  private outputOf(process: Launched, channel: Channel): Output | undefined {
    return process.outputs.find((output) => output.channel === channel)
  }

  private control(payload: Uint8Array): void {
    const message = parseJson(payload)
    const request = Request.safeParse(message)
    if (!request.success) return this.refuse(message)
    const { id, method, params } = request.data
    this.dispatch(method, params).then(
      (result) => this.link.send({ kind: 'response', id, result }),
      (error: unknown) => this.link.send({ kind: 'response', id, error: describe(error) }),
    )
  }

  /** The host may be newer than this VM: it need not wait in vain for an answer. */
  private refuse(message: unknown): void {
    const envelope = Envelope.safeParse(message)
    if (!envelope.success) return
    const { id, method } = envelope.data
    this.link.send({ kind: 'response', id, error: { code: 'InvalidRequest', message: `the pod's guest agent does not know ${method}: it is older than its host, and another one comes with the pod's next start`, object: method } })
  }

  private dispatch(method: Method, params: unknown): Promise<object> {
    switch (method) {
      case 'ping':
        return Promise.resolve({ time: Date.now() })
      case 'identify':
        return Promise.resolve(this.hello())
      case 'stats':
        return this.atOnce(methods.stats, params, ({ usage }) => this.readStatistics(usage ?? false))
      case 'setup':
        return this.inOrder(methods.setup, params, (values) => this.setUp(values))
      case 'addImage':
        return this.inOrder(methods.addImage, params, ({ serial, key }) => addImage(serial, key))
      case 'startContainer':
        return this.inOrder(methods.startContainer, params, (values) => this.startContainer(values))
      case 'removeContainer':
        return this.inOrder(methods.removeContainer, params, ({ container }) => this.containers.remove(container))
      case 'shutdown':
        return this.inOrder(methods.shutdown, params, ({ graceMilliseconds }) => shutDown(this.containers, this.volumes, graceMilliseconds))
      case 'exec':
        return this.atOnce(methods.exec, params, (values) => this.command(values.stream, () => this.execs.exec(this.containers.get(values.container), values)))
      case 'archive':
        return this.atOnce(methods.archive, params, (values) => this.command(values.stream, () => this.execs.archive(this.containers.get(values.container), values)))
      case 'openTunnel':
        return this.atOnce(methods.openTunnel, params, (values) => this.command(values.stream, () => this.execs.tunnel(values)))
      case 'writeFiles':
        return this.inOrder(methods.writeFiles, params, (values) => this.writeFiles(values))
      case 'signalContainer':
        return this.atOnce(methods.signalContainer, params, ({ container, signal }) => this.containers.signal(container, signal))
      case 'signalExec':
        return this.atOnce(methods.signalExec, params, ({ stream, signal }) => this.execs.signal(stream, signal))
      case 'listFolder':
        return this.atOnce(methods.listFolder, params, (values) => this.listFolder(values))
      case 'probe':
        return this.atOnce(methods.probe, params, probe)
      case 'setRoutedAddresses':
        return this.inOrder(methods.setRoutedAddresses, params, (values) => this.routed.set(this.settings?.network ?? null, values))
      case 'resize':
        return this.atOnce(methods.resize, params, (values) => this.resize(values))
      case 'attachVolume':
        return this.ofVolumes(methods.attachVolume, params, (values, { volumes, fsGroup, fsGroupAlways }) => this.volumes.attach(values, diskPath(volumes, values.volume), typeof fsGroup === 'number' ? { id: fsGroup, always: fsGroupAlways ?? false } : null))
      case 'detachVolume':
        return this.ofVolumes(methods.detachVolume, params, (values) => this.volumes.detach(values))
      case 'growVolume':
        return this.ofVolumes(methods.growVolume, params, ({ volume }) => this.volumes.grow(volume))
      case 'freezeVolumes':
        return this.ofVolumes(methods.freezeVolumes, params, (values) => this.volumes.freeze(values))
      case 'thawVolumes':
        return this.atOnce(methods.thawVolumes, params, ({ volumes }) => this.volumes.thaw(volumes))
      case 'mountVolume':
        return this.ofVolumes(methods.mountVolume, params, (values) => this.volumes.mount(values))
      case 'unmountVolume':
        return this.ofVolumes(methods.unmountVolume, params, (values) => this.volumes.unmount(values))
      case 'addVolumeDevice':
        return this.ofVolumes(methods.addVolumeDevice, params, (values, { fsGroup }) => this.volumes.addDevice(values, fsGroup ?? 0))
    }
  }

  private async readStatistics(usage: boolean): Promise<object> {
    const [statistics, disks] = await Promise.all([this.statistics.read(this.containers.list().map((c) => c.params.container), this.settings?.volumes ?? [], usage), this.volumes.usage()])
    return disks.length > 0 ? { ...statistics, disks } : statistics
  }

  /** After all that was asked before, but holding up nothing that comes then: a large file system takes its time. */
  private ofVolumes<T>(schema: z.ZodMiniType<T>, params: unknown, handle: (values: T, settings: SetupParams) => Promise<object | void>): Promise<object> {
    return this.order.then(() =>
      this.atOnce(schema, params, (values) => {
        if (!this.settings) throw new GuestError('Conflict', 'this VM has not been set up', 'volumes')
        return handle(values, this.settings)
      }),
    )
  }

  private async atOnce<T>(schema: z.ZodMiniType<T>, params: unknown, handle: Handler<T>): Promise<object> {
    return (await handle(parseParams(schema, params))) ?? {}
  }

  private inOrder<T>(schema: z.ZodMiniType<T>, params: unknown, handle: Handler<T>): Promise<object> {
    const result = this.order.then(() => this.atOnce(schema, params, handle))
    this.order = result.catch(() => {})
    return result
  }

  private async setUp(params: SetupParams): Promise<object> {
    if (this.settings) throw new GuestError('Conflict', 'this VM has been set up', this.settings.instance)
    await setUpMachine(params, this.reseed)
    this.settings = params
    // Clones of a template were all the same until now.
    this.bootId = randomId()
    return { bootId: this.bootId }
  }

  private async startContainer(params: Params<'startContainer'>): Promise<object> {
    if (!this.settings) throw new GuestError('Conflict', 'this VM has not been set up', params.container)
    this.requireFreeStream(params.stream)
    // The pod's group owns its volumes: every container is in it, as Kubernetes has it.
    const { fsGroup } = this.settings
    const supplementalGroups = fsGroup === null || fsGroup === undefined ? params.supplementalGroups : [...params.supplementalGroups, fsGroup]
    const { process } = await this.containers.start({ ...params, supplementalGroups })
    return { pid: process.pid }
  }

  /** Something with a stream beside the containers' own processes. */
  private async command(stream: number, start: () => Promise<Launched>): Promise<object> {
    this.requireFreeStream(stream)
    const { pid } = await start()
    return { pid }
  }

  private async writeFiles(params: Params<'writeFiles'>): Promise<void> {
    const volume = this.volume(params.volume)
    if (!volume.readOnly) throw new GuestError('InvalidRequest', 'only a volume of configuration takes files', params.volume)
    await writeVolumeFiles(volume.path, params, this.settings?.fsGroup ?? 0)
  }

  private async listFolder(params: Params<'listFolder'>): Promise<object> {
    const { process, exited } = this.containers.get(params.container)
    if (exited) throw new GuestError('Conflict', 'the container has ended', params.container)
    return listFolder(process.pid, params)
  }

  private async resize({ stream, columns, rows }: Params<'resize'>): Promise<void> {
    const process = this.processOf(stream)
    if (!process) throw new GuestError('NotFound', 'there is no such stream', String(stream))
    await resizeTerminal(process, { columns, rows })
  }

  private requireFreeStream(stream: number): void {
    if (this.processOf(stream)) throw new GuestError('AlreadyExists', 'the stream is in use', String(stream))
  }
}

/** Undefined for what is no JSON, such as the padded end of a frame that a former host began. */
function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(payload))
  } catch {
    return undefined
  }
}

function parseParams<T>(schema: z.ZodMiniType<T>, params: unknown): T {
  const parsed = schema.safeParse(params)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new GuestError('InvalidRequest', issue?.message ?? 'not understood', issue?.path.join('.') ?? '')
}

function describe(error: unknown): { code: string; message: string; object: string } {
  if (error instanceof GuestError) return { code: error.code, message: error.message.slice(0, 4000), object: error.object.slice(0, 4000) }
  std.err.puts(`agent: ${error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error)}\n`)
  return { code: 'Unavailable', message: error instanceof Error ? error.message.slice(0, 4000) : 'the guest agent failed', object: 'agent' }
}
