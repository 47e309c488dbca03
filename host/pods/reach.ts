import type { Duplex } from 'node:stream'
import type { FolderEntry, ProbeResult, StatsResult } from '@/contracts/guest/v1/answers'
import type { ProbeParams } from '@/contracts/guest/v1/requests'
import { podContainers, type PodSpec } from '@/domain/pod/spec'
import type { Attachment } from './attachments'
import type { PodRun } from './pod-run'
import { GuestRefusal, StepError, type ContainerInput, type Guest, type GuestArchive, type GuestExec, type GuestProcess } from './ports'

/** A container's own process from outside: `input` is null where its spec has neither stdin nor a terminal. */
export type AttachedContainer = Attachment & { input: ContainerInput | null; tty: boolean }

/** Linux has no longer names. */
const maxName = 255
/** What is told of a link's target. Characters. */
const maxTarget = 1024

/** The guest's word is the tenant's: a target longer than anybody reads is cut. */
const withinBounds = (entry: FolderEntry): FolderEntry => (entry.target !== null && entry.target.length > maxTarget ? { ...entry, target: `${entry.target.slice(0, maxTarget - 1)}…` } : entry)

/** What reaches into a running pod from outside. All of it throws {@link StepError} with what to do where it cannot, and {@link GuestRefusal} for what the guest refused. */
export abstract class Reach {
  abstract get spec(): PodSpec
  /** What runs; null where the VM is not up. */
  protected abstract get upRun(): PodRun | null
  /** Why its VM stands still and would answer nothing; null: it does not. */
  protected abstract get standsStill(): string | null

  /** All containers, whatever their role, in the order in which they start. */
  get containerNames(): string[] {
    return podContainers(this.spec).map(({ spec }) => spec.name)
  }

  /** The container of this name; null: the first of spec.containers. */
  containerName(container: string | null): string {
    const name = container ?? this.spec.containers[0]?.name ?? ''
    const names = this.containerNames
    if (!names.includes(name)) throw new StepError('NotFound', `The pod has no container "${name}". Choose one of: ${names.join(', ')}.`)
    return name
  }

  async exec(container: string | null, request: Omit<GuestExec, 'container'>): Promise<GuestProcess> {
    const { run, name } = this.running(container)
    return run.guest.exec({ ...request, container: name })
  }

  async archive(container: string | null, request: Omit<GuestArchive, 'container'>): Promise<GuestProcess> {
    const { run, name } = this.running(container)
    return run.guest.archive({ ...request, container: name })
  }

  /** What is in a folder as the container sees it, page by page, at most `limit` entries in the order of names. Returns whether there is more. */
  async *folderPages(container: string | null, path: string, limit: number): AsyncGenerator<FolderEntry[], boolean> {
    const { run, name } = this.running(container)
    let after: string | null = null
    for (let left = limit; left > 0; ) {
      const { entries, more }: Awaited<ReturnType<Guest['listFolder']>> = await run.guest.listFolder({ container: name, path, after, limit: Math.min(1000, left) })
      yield entries.filter((entry) => entry.name.length <= maxName).map(withinBounds)
      after = entries.at(-1)?.name ?? after
      left -= entries.length
      if (!more || entries.length === 0) return false
    }
    return true
  }

  async attach(container: string | null, onOutput: GuestExec['onOutput']): Promise<AttachedContainer> {
    const { run, name } = this.running(container)
    const spec = podContainers(this.spec).find((c) => c.spec.name === name)?.spec
    const input = spec?.stdin || spec?.tty ? run.guest.containerInput(name) : null
    const { exited, detach } = run.attachments.add(name, onOutput)
    const end = () => {
      detach()
      if (spec?.stdin && spec.stdinOnce) input?.end()
    }
    return { input, tty: spec?.tty ?? false, exited, detach: end }
  }

  async openTunnel(port: number, timeoutMs: number): Promise<Duplex> {
    try {
      return await this.up.guest.openTunnel(port, timeoutMs)
    } catch (error) {
      if (!(error instanceof GuestRefusal)) throw error
      throw new StepError(error.code, error.code === 'ConnectionRefused' ? `Nothing in the pod listens on port ${port}. Check the port, and whether the container has started to serve.` : `Port ${port} of the pod cannot be reached: ${error.message}`)
    }
  }

  /** Tries once to reach an address from the pod's own network. */
  async probe(params: ProbeParams): Promise<ProbeResult> {
    return this.up.guest.probe(params)
  }

  async stats(usage: boolean): Promise<{ stats: StatsResult; processId: number | null }> {
    const { guest, machine } = this.up
    return { stats: await guest.stats(usage), processId: machine.processId }
  }

  private get up(): PodRun {
    const run = this.upRun
    if (!run) throw new StepError('NotRunning', 'The pod does not run. Look at its state for the cause.')
    const { standsStill } = this
    if (standsStill !== null) throw new StepError('VolumePaused', standsStill)
    return run
  }

  private running(container: string | null): { run: PodRun; name: string } {
    const name = this.containerName(container)
    const run = this.up
    const record = run.containers.records.find((r) => r.status.name === name)
    if (record?.status.state !== 'Running') throw new StepError('NotRunning', `Container "${name}" does not run. Look at its state and its logs for the cause.`)
    return { run, name }
  }
}
