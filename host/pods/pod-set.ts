import type { Assignment, HostEvent, ImageReport, PodConfigurationMessage, PodReport } from '@/contracts/host/v1'
import type { PodConfiguration } from '@/domain/pod/configuration'
import { podContainers } from '@/domain/pod/spec'
import type { LedgerEntry } from '@/host/ledger/entry'
import { ImageReports } from './image-reports'
import type { PodWorker } from './pod-worker'
import type { PullProgress } from './ports'
import type { WorkerDependencies } from './worker-dependencies'

/** Makes a worker; `found` is what the ledger has of the pod. */
export type MakeWorker = (assignment: Assignment, found: LedgerEntry | null, hooks: Pick<WorkerDependencies, 'onChange' | 'onProgress' | 'onEvent' | 'onPull' | 'configuration'>) => PodWorker

/** Who is told what changes; the reporter of the control stream. `podProgressed`: a start came further, of which nobody has to know at once. */
export type PodListener = { podChanged(uid: string): void; podProgressed(uid: string): void; event(event: HostEvent): void; imageChanged(key: string, isProgress?: boolean): void }

/** What images are called in full, and which are wanted before a pod names them. */
export type ImageNames = { nameOf: (reference: string) => string; isPrePulled: (tenantId: string, name: string) => boolean }

/** The pods of this host: the diff of what the server wants against the workers that there are. */
export class PodSet {
  private readonly workers = new Map<string, PodWorker>()
  /** The last report of pods that are gone, until the server has forgotten them. */
  private readonly gone = new Map<string, PodReport>()
  private readonly images: ImageReports
  /** ConfigMaps and Secrets by pod uid, in memory alone: they come before the assignment of their pod. */
  private readonly configurations = new Map<string, PodConfiguration>()
  private listener: PodListener | null = null
  /** By pod uid, what is told where the server still wants a pod of which this agent had to end the VM at its start. */
  private forgotten: ReadonlyMap<string, string> = new Map()
  /** What happened to pods of an earlier run before anybody listened. */
  private readonly early: HostEvent[] = []
  private ending = false
  constructor(
    private readonly make: MakeWorker,
    private readonly names: ImageNames = { nameOf: (reference) => reference, isPrePulled: () => false },
  ) {
    this.images = new ImageReports(names.nameOf)
  }

  listen(listener: PodListener): void {
    this.listener = listener
    for (const event of this.early.splice(0)) listener.event(event)
  }

  /** Takes up the pods that an earlier run of the agent left. `forgotten`: of these it left no entry that can be read, and why. */
  adopt(entries: readonly LedgerEntry[], forgotten: ReadonlyMap<string, string> = new Map()): void {
    this.forgotten = forgotten
    for (const entry of entries) this.add(entry.assignment, entry)
  }

  /** Carries out the complete set of what this host shall run. */
  apply(assignments: readonly Assignment[]): void {
    if (this.ending) return
    const named = new Set(assignments.map((a) => a.uid))
    for (const uid of this.configurations.keys()) if (!named.has(uid)) this.configurations.delete(uid)
    for (const [uid, worker] of this.workers) if (!named.has(uid)) worker.remove(0)
    for (const uid of this.gone.keys()) if (!named.has(uid)) this.gone.delete(uid)
    for (const assignment of assignments) {
      const worker = this.workers.get(assignment.uid)
      if (worker) worker.assign(assignment)
      else if (this.gone.has(assignment.uid)) this.listener?.podChanged(assignment.uid)
      else {
        this.add(assignment, null)
        this.tellForgotten(assignment)
      }
    }
    this.forgotten = new Map()
  }

  /** Tells all pods of this host. */
  tell(type: HostEvent['type'], reason: string, message: string): void {
    for (const worker of this.workers.values()) worker.tell(type, reason, message)
  }

  /** Takes what a pod's spec names of ConfigMaps and Secrets, as it is now. */
  configure({ podUid, revision, objects }: PodConfigurationMessage): void {
    const configuration = { revision, objects }
    this.configurations.set(podUid, configuration)
    this.workers.get(podUid)?.configure(configuration)
  }

  worker(uid: string): PodWorker | null {
    return this.workers.get(uid) ?? null
  }

  report(uid: string): PodReport | null {
    return this.workers.get(uid)?.report() ?? this.gone.get(uid) ?? null
  }

  reports(): PodReport[] {
    return [...this.workers.values()].map((worker) => worker.report()).concat([...this.gone.values()])
  }

  image(key: string): ImageReport | null {
    return this.images.take(key)
  }

  imageReports(): ImageReport[] {
    return this.images.all()
  }

  /** The images that pods name, in full, and those that their VMs run. */
  usedImages(): { names: string[]; digests: string[] } {
    const used = [...this.workers.values()].map((worker) => worker.usedImages)
    return { names: used.flatMap(({ references, uploads }) => [...references.map(this.names.nameOf), ...uploads]), digests: used.flatMap(({ digests }) => digests) }
  }

  /** The pods whose VM is up, by uid. */
  running(): [uid: string, worker: PodWorker][] {
    return [...this.workers].filter(([, worker]) => worker.isRunning)
  }

  /** The networks of its pods, by id. */
  networks(): string[] {
    return [...new Set([...this.workers.values()].map((worker) => worker.networkId))]
  }

  get runningCount(): number {
    return [...this.workers.values()].filter((worker) => worker.isRunning).length
  }

  /** Stops every VM, side by side; the ledger keeps the pods. Resolves when all are stopped, or after `boundMs`. */
  async suspend(graceSeconds: number, boundMs: number): Promise<void> {
    this.ending = true
    for (const worker of this.workers.values()) worker.suspend(graceSeconds)
    await this.allFinished(boundMs)
  }

  /** Ends the workers and leaves the VMs running for the next run of the agent. */
  async leave(boundMs: number): Promise<void> {
    this.ending = true
    for (const worker of this.workers.values()) worker.leave()
    await this.allFinished(boundMs)
  }

  /** Told by the images' adapter, so that the report of images is complete. Forgotten at once where nothing asks for it any more. */
  imageChanged(image: ImageReport): void {
    const { key, isKnown } = this.images.put(image, this.isWanted)
    // It is told at every start from it, of which most change nothing.
    this.listener?.imageChanged(key, isKnown)
  }

  /** An image was removed from this host's store. */
  imageRemoved(digest: string): void {
    for (const key of this.images.removed(digest)) this.listener?.imageChanged(key)
  }

  private async allFinished(boundMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>((resolve) => (timer = setTimeout(resolve, boundMs)))
    await Promise.race([Promise.all([...this.workers.values()].map((worker) => worker.finished)), bound])
    clearTimeout(timer)
  }

  /** Whether a pod of the tenant names the image, or it is wanted ahead of any. */
  private readonly isWanted = (tenantId: string, name: string): boolean => {
    for (const worker of this.workers.values()) if ((tenantId === '' || worker.tenantId === tenantId) && podContainers(worker.spec).some(({ spec }) => this.names.nameOf(spec.image) === name)) return true
    return this.names.isPrePulled(tenantId, name)
  }

  private add(assignment: Assignment, found: LedgerEntry | null): void {
    const { uid } = assignment
    const worker = this.make(assignment, found, {
      configuration: this.configurations.get(uid) ?? null,
      onChange: () => this.listener?.podChanged(uid),
      onProgress: () => this.listener?.podProgressed(uid),
      onEvent: (event) => (this.listener ? this.listener.event(event) : void this.early.push(event)),
      onPull: (reference, progress) => this.pulling(assignment.tenantId, reference, progress),
    })
    this.workers.set(uid, worker)
    this.listener?.podProgressed(uid)
    void worker.finished.then(() => {
      if (!worker.isGone) return
      this.gone.set(uid, worker.report())
      this.workers.delete(uid)
      this.images.forget(this.isWanted)
      this.listener?.podChanged(uid)
    })
  }

  private tellForgotten({ uid, deletion }: Assignment): void {
    const cause = this.forgotten.get(uid)
    if (cause === undefined || deletion) return
    this.workers.get(uid)?.tell('Warning', 'HostForgotPod', `${cause} Its virtual machine, where it still ran, was ended, and the pod starts anew on its host: what its containers had written to their own disk is lost.`)
  }

  private pulling(tenantId: string, reference: string, progress: PullProgress): void {
    this.imageChanged({ tenantId, reference, digest: null, sizeBytes: null, phase: 'Pulling', message: '', bytesDone: progress.bytesDone, bytesTotal: progress.bytesTotal })
  }
}
