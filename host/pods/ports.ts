import type { Duplex } from 'node:stream'
import type { ImageUpload, NetworkAttachment } from '@/contracts/host/v1'
import type { AssignedVolume } from '@/contracts/host/v1/volumes'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import type { FolderEntry, ProbeResult, StatsResult } from '@/contracts/guest/v1/answers'
import type { ExitState } from '@/contracts/guest/v1/messages'
import type { ListFolderParams, ProbeParams, SetRoutedAddressesParams, SetupParams, SignalName, StartContainerParams, WriteFilesParams } from '@/contracts/guest/v1/requests'
import type { GuestVolumes } from './guest-volumes'
import type { MachineVolumes } from './machine-volumes'

/**
 * What a pod's worker asks of the rest of the host. host/main.ts wires the real parts, tests wire fakes. Every
 * `remove`, `detach` and `release` is idempotent: it may be asked for what never was, or is gone already.
 */

/** The parts of an image's config that say how its process is run. */
export type ImageConfig = {
  entrypoint: string[]
  command: string[]
  environment: string[]
  workingDir: string
  user: string
  stopSignal: string
}

/** An image in this host's store: `file` is the squashfs with its merged layers. */
export type ReadyImage = { reference: string; digest: string; sizeBytes: number; file: string; config: ImageConfig }

/** Asks the guest to mount an image; gives the key by which the guest calls it once it was asked, and `done` when it has. */
export type MountImage = (image: ReadyImage) => Promise<{ key: string; done: Promise<void> }>

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never'
/** `wasDamaged`: told once, of an image that was on this host and had to be removed. */
export type PullProgress = { bytesDone: number; bytesTotal: number; wasDamaged?: boolean }

export type ImageRequest = { tenantId: string; policy: PullPolicy; pullSecrets: readonly ConfigurationObject[]; upload?: ImageUpload | undefined; inBackground?: boolean; signal: AbortSignal; onProgress: (progress: PullProgress) => void }

export interface ImagePort {
  /**
   * Makes the image ready; pulls of one image are shared. A tenant uses an image only through its own credentials, pulled
   * already or not: `pullSecrets` are the Secrets that the pod names in imagePullSecrets. Where the reference is an `upload` of the tenant, that is used. Throws {@link ImageProblem} and
   * keeps nothing half.
   */
  ensure(reference: string, options: ImageRequest): Promise<ReadyImage>
}

/** Whose VM: what names its folder, its process and its part of the network. */
export type PodIdentity = { uid: string; tenantId: string; network: NetworkAttachment; size: { vcpus: number; memoryMiB: number; scratchMiB: number | null }; vmUid: number }

/** Where the pod's VM is plugged in. */
export type AttachedNetwork = {
  namespace: string
  tap: string
  mac: string
  mtu: number
  /** Whom pods ask that follow the network, and whom those that follow their host. */
  dns: string[]
  hostDns: readonly string[]
  /** Of the network's names; null: it has no resolver. */
  domain: string | null
  /** Settles when rules and links stand, which may be later than the tap: nothing of the pod's may run before. */
  ready?: Promise<void>
}

export interface NetworkPort {
  attach(pod: PodIdentity, signal: AbortSignal): Promise<AttachedNetwork>
  detach(pod: PodIdentity): Promise<void>
}

/** `storage`: it needs a way to stores of volumes on the network. `ownMemory`: it shares no memory with others of its template, for large pages. */
export type MachineRequest = { pod: PodIdentity; network: AttachedNetwork; rootImage: string; scratch: string; storage?: boolean; ownMemory?: boolean }

export interface MachinePort {
  /** Makes or finds the template from which this pod's VM is cloned; does nothing where VMs are booted cold. */
  prepareTemplate(pod: PodIdentity, signal: AbortSignal): Promise<void>
  releaseTemplate(pod: PodIdentity): Promise<void>
  createScratch(pod: PodIdentity, signal: AbortSignal): Promise<string>
  removeScratch(pod: PodIdentity): Promise<void>
  start(request: MachineRequest, signal: AbortSignal): Promise<Machine>
  /** The VM of a record of an earlier run of this agent, or null where it does not run any more. */
  adopt(pod: PodIdentity, record: unknown): Promise<Machine | null>
  /** Ends the VM of this pod, if there is one, and removes its run folder. */
  remove(pod: PodIdentity, record: unknown): Promise<void>
}

/** Names of a spec's volumes that outlive the pod, and which those are, as the server said last. */
export type SpecVolumes = { names: readonly string[]; assigned: () => readonly AssignedVolume[] }

/** The volumes of pods on this host that outlive them. They come and go in a running VM as the server says. */
export interface VolumePort {
  /**
   * Waits until this host holds all of them under their epochs, which the server may say later than the pod. `onWait` is told whom it waits for, for the tenant. `needsStorage`: the
   * pod's VM has to be started with a way to a store on the network.
   */
  ready(podUid: string, volumes: SpecVolumes, onWait: (reason: string) => void, signal: AbortSignal): Promise<{ needsStorage: boolean }>
  /** The pod has a VM whose guest is set up. `isFound`: it was taken up from an earlier run of the agent. */
  up(podUid: string, machine: Machine, guest: Guest, isFound: boolean): void
  /** Resolves once the VM has all of them, mounted. Throws {@link StepError} with what is wrong with which. */
  attachAll(podUid: string, volumes: SpecVolumes, signal: AbortSignal): Promise<void>
  /** Has the guest write out and unmount all of them, in this time at most; none comes any more. Answers those that it did not. */
  detachAll(podUid: string, withinMs: number): Promise<string[]>
  /** What came while the pod ran is mounted into each start of a container. */
  containerStarted(podUid: string, container: string): void
  /** Whether the pod's VM stands still for a store that does not take what it writes. */
  isPaused(podUid: string): boolean
  /** Why it does, for whoever asks something of the pod; null: it does not. */
  pausedBecause(podUid: string): string | null
  /** No VM of the pod exists any more: nothing has anything open for it. */
  ended(podUid: string): void
}

/** The host's own disk. */
export interface DiskPort {
  /** Why it cannot be written to, in sentences for tenants too; null where it can. */
  problem(): Promise<{ reason: string; found: string; action: string } | null>
}

/** A running VM. */
export interface Machine {
  /** JSON that {@link MachinePort.adopt} understands. */
  readonly record: unknown
  readonly mode: 'template' | 'cold'
  /** Of the VM's process, for its figures; null where there is none. */
  readonly processId: number | null
  /** Resolves with the cause once the VM's process is gone. */
  readonly exited: Promise<string>
  /** Speaks to the guest agent until its hello. */
  connect(signal: AbortSignal): Promise<Guest>
  plugImage(serial: string, file: string): Promise<void>
  /** The guest has not mounted it, or does not any more. */
  unplugImage(serial: string): Promise<void>
  /** The pod's volumes, as disks that come and go. */
  readonly volumes: MachineVolumes
  /** Ends the process: at once, or when its quit is not answered. */
  stop(): Promise<void>
  /** Lets the VM run on without this agent; `exited` never resolves then. */
  leave(): void
}

/** Takes a container's output; the guest may send more once the promise is resolved. */
export type OutputSink = {
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>
  lost(stream: 'stdout' | 'stderr', bytes: number): void
}

export type GuestExit = Pick<ExitState, 'exitCode' | 'signal' | 'oomKilled'> & { at: number; terminationMessage?: string | undefined }
export type GuestContainer = { container: string; stream: number; exited: GuestExit | null }

/** The agent in a pod's VM. A call throws {@link GuestRefusal} for what the agent refused, anything else when it is lost. */
export interface Guest {
  /** What ran when the connection was made. */
  readonly containers: GuestContainer[]
  readonly images: string[]
  /** True once {@link Guest.setup} was done, in this or an earlier run of the host agent. */
  readonly isSetUp: boolean
  readonly closed: Promise<string>
  /** Those that have disks of their own. */
  readonly volumes: GuestVolumes
  setup(params: SetupParams): Promise<void>
  addImage(serial: string, key: string): Promise<void>
  /** Starts the container's process. The exit is told once, after all of its output was given to the sink. */
  startContainer(params: Omit<StartContainerParams, 'stream'>, sink: OutputSink, onExit: (exit: GuestExit) => void): Promise<void>
  /** Takes up a container that runs since before this connection. */
  attachContainer(container: string, sink: OutputSink, onExit: (exit: GuestExit) => void): void
  removeContainer(container: string): Promise<void>
  signalContainer(container: string, signal: SignalName): Promise<void>
  exec(request: GuestExec): Promise<GuestProcess>
  /** The input and terminal of a container, which outlive whoever uses them; what is written to one that was started without `stdin` is lost. Null for one that the guest does not have. */
  containerInput(container: string): ContainerInput | null
  /** One TCP connection to a port of the VM; a {@link GuestRefusal} `ConnectionRefused` where nothing listens. Destroying it closes both halves. */
  openTunnel(port: number, timeoutMs: number): Promise<Duplex>
  /** Copies files as a tar stream: `out` gives it to `onOutput`, `in` takes it from `write` until `endInput`. */
  archive(request: GuestArchive): Promise<GuestProcess>
  /** One page of a folder as the container sees it. */
  listFolder(params: ListFolderParams): Promise<{ entries: FolderEntry[]; more: boolean }>
  /** Tries once to reach an address from the pod's own network. */
  probe(params: ProbeParams): Promise<ProbeResult>
  /** Replaces the files of a `files` volume at once. Large ones are sent in several requests. */
  writeFiles(volume: string, version: string, files: WriteFilesParams['files']): Promise<void>
  /** These addresses of IPv6 are routed to the pod, and no others. */
  setRoutedAddresses(params: SetRoutedAddressesParams): Promise<void>
  /** What the VM and its containers use; `usage` also reads how much their folders take. */
  stats(usage: boolean): Promise<StatsResult>
  /** Whether the VM stands still for a store of volumes: what it is asked waits meanwhile, and it is not lost for it. */
  standStill(isStill: boolean): void
  /** Ends what still runs in the guest and writes its disks out. */
  shutdown(graceMilliseconds: number): Promise<void>
  close(): void
}

export type GuestExec = {
  container: string
  args: string[]
  stdin: boolean
  terminal: { columns: number; rows: number } | null
  onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => Promise<void>
}

export type GuestArchive = { container: string; direction: 'out' | 'in'; path: string; onOutput: GuestExec['onOutput'] }

/** A container's standard input. */
export interface ContainerInput {
  /** Resolves when more can be taken, at the latest at the signal: what has not been given away by then is dropped. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  end(): void
  /** Sets the size of its terminal; nothing where it has none. */
  resize(columns: number, rows: number): Promise<void>
}

/** A process beside a container's own. */
export interface GuestProcess {
  /** Resolves when more input can be taken. */
  write(bytes: Uint8Array): Promise<void>
  endInput(): void
  resize(columns: number, rows: number): Promise<void>
  kill(signal: SignalName): Promise<void>
  /** Resolves after all of its output was given away; rejects when the guest is lost. */
  readonly exited: Promise<{ exitCode: number; signal: number | null }>
}

/** What the guest agent refused; `code` is of its closed vocabulary. */
export class GuestRefusal extends Error {
  override readonly name = 'GuestRefusal'
  constructor(
    readonly code: string,
    message: string,
    /** A container, a path, or a request that the agent does not know. */
    readonly about = '',
  ) {
    super(message)
  }
}

/** A step that failed, as the tenant may read it: `reason` is one word for conditions, `message` is cause and next action for the tenant. */
export class StepError extends Error {
  override readonly name = 'StepError'
  constructor(
    readonly reason: string,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options)
  }
}

/** What the kubelet calls these. */
const kubernetesReasons: Readonly<Record<string, string>> = { 'not-present': 'ErrImageNeverPull', 'invalid-reference': 'InvalidImageName' }

/** An image that could not be made ready; `code` is of the image store's closed vocabulary. */
export class ImageProblem extends StepError {
  constructor(
    readonly code: string,
    readonly reference: string,
    message: string,
  ) {
    super(kubernetesReasons[code] ?? `Image${code.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())}`, message)
  }
}
