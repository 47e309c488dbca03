import type { Assignment, PodReport } from '@/contracts/host/v1'
import { persistentVolumes } from '@/domain/pod/persistent-volumes'
import type { LedgerEntry } from '@/host/ledger/entry'
import { failureBackoff, restartBackoff } from './backoff'
import { steadySince, type Moment } from './clock'
import { inNewVm, newRecords, stopped, vmLost, type ContainerRecord } from './container-record'
import { hasEnded } from './lifecycle/phases'
import { podConditions, podReport, type Failure, type Problem } from './pod-report'
import { GuestRefusal, ImageProblem, StepError, type PodIdentity, type ReadyImage } from './ports'
import type { Observed, Stage, Wanted } from './wanted'

/**
 * What a worker knows of its pod, and how that changes with what happens to it. It has no effects: the worker carries
 * out, this remembers. What lasts is measured by the steady clock, what is told and kept is the wall's.
 */
export class PodState {
  stage: Stage = 'idle'
  /** There may be something on the host to undo. */
  dirty = false
  /** The assignment that the VM was, or is being, started from. */
  running: Assignment
  records: ContainerRecord[]
  images = new Map<string, ReadyImage>()
  imagesReady = false
  problem: Problem | null = null
  /** What could not be undone yet. */
  leftover: string | null = null
  /** Why the host has ended the pod for good, such as DeadlineExceeded or Evicted. */
  failure: Failure | null = null
  /** When the host took the pod on: its deadline counts from there. */
  accepted: Moment
  vmRecord: unknown = null
  startMode: 'template' | 'cold' | null = null
  startSteps: PodReport['startSteps'] = []
  /** No start before this time of the steady clock. */
  private notBefore: number | null = null
  private failures = 0
  private vmBackoffMs = 0
  private upSince = 0
  private startedAt: string | null = null
  private conditions: PodReport['conditions'] = []

  constructor(
    /** The newest assignment. */
    public assignment: Assignment,
    /** The account that the pod's VM runs as. */
    readonly vmUid: number,
    found: LedgerEntry | null,
    now: Moment,
    /** Of the machine: the steady clock's times hold in one boot of it. */
    private readonly machineBoot = '',
  ) {
    this.running = found?.assignment ?? assignment
    this.records = found && found.containers.length > 0 ? found.containers : newRecords(this.running.spec)
    this.accepted = acceptedAt(found, now, machineBoot)
    if (found) this.restore(found)
  }

  /** Another generation is assigned; an older one is left aside. What is new is tried at once. */
  assign(assignment: Assignment): void {
    const uploads = JSON.stringify(this.assignment.uploads)
    if (assignment.generation >= this.assignment.generation) this.assignment = assignment
    if (this.isStale || JSON.stringify(assignment.uploads) !== uploads) this.retryNow()
  }

  /** Whether what runs, or is being started, differs from what is assigned. */
  get isStale(): boolean {
    return whatRuns(this.assignment) !== whatRuns(this.running)
  }

  get identity(): PodIdentity {
    const { uid, tenantId, network, size } = this.running
    return { uid, tenantId, network, size, vmUid: this.vmUid }
  }

  observed(now: Moment, isConfigured: boolean): Observed {
    const refit = switches(this.assignment) !== switches(this.running)
    return { stage: this.stage, dirty: this.dirty, stale: this.isStale, refit, waiting: this.waitMs(now) > 0, unconfigured: !isConfigured, unattached: !hasAllVolumes(this.assignment), failed: this.failure !== null }
  }

  waitMs(now: Moment): number {
    return Math.max(0, (this.notBefore ?? 0) - now.steady)
  }

  retryNow(): void {
    this.notBefore = null
    this.failures = 0
  }

  /** What a pod names has changed: an image that could not be pulled may be had now. */
  configured(): void {
    if (this.problem?.about === 'ImagesReady') this.retryNow()
  }

  beginStart(steps: PodReport['startSteps'], now: Moment): void {
    if (this.isStale) this.renew(now)
    this.records = this.records.map(inNewVm)
    this.running = this.assignment
    this.dirty = true
    this.notBefore = null
    this.startedAt = null
    this.imagesReady = false
    if (this.problem?.reason === 'WaitingForConfiguration' || this.problem?.reason === waitingForVolumes) this.problem = null
    this.vmRecord = null
    this.startSteps = steps
    this.startMode = null
  }

  /** What had ended gets another spec. */
  renew(now: Moment): void {
    this.records = newRecords(this.assignment.spec)
    this.failure = null
    this.accepted = now
    this.stage = 'idle'
  }

  imagesFound(images: Map<string, ReadyImage>): void {
    this.images = images
    this.imagesReady = true
    if (this.problem?.about === 'ImagesReady') this.problem = null
  }

  up(now: Moment): void {
    this.stage = 'up'
    this.upSince = now.steady
    this.problem = null
    this.failures = 0
  }

  containersChanged(): void {
    this.startedAt ??= this.records.find((r) => r.status.role === 'container' && r.status.state === 'Running')?.status.startedAt ?? null
  }

  /** The start failed in this step: it is tried again after a wait. */
  startFailed(error: unknown, step: string, now: Moment): Problem {
    this.failures += 1
    const delayMs = failureBackoff(this.failures)
    this.notBefore = now.steady + delayMs
    const about = error instanceof ImageProblem ? 'ImagesReady' : 'VMReady'
    const again = `It is tried again in ${Math.round(delayMs / 1000)} s.`
    // What the guest refuses at its setup is what the spec asks for, such as a sysctl that the kernel does not have.
    if (error instanceof GuestRefusal && error.code === 'InvalidRequest') {
      this.problem = { about, reason: 'FailedCreatePodSandBox', message: `The pod's virtual machine refused what the spec asks for: ${error.message}. Correct the spec, then re-create the pod. ${again}`, waiting: true }
      return this.problem
    }
    const known = error instanceof StepError
    const message = known ? `${error.message} ${again}` : `The pod could not be started on its host: ${failedSteps[step] ?? "the pod's virtual machine could not be started"} (step "${step}"). ${again} If it goes on, the operator finds the cause in the host's log.`
    this.problem = { about, reason: known ? error.reason : 'StartFailed', message, waiting: true }
    return this.problem
  }

  /** The VM is not there any more, and nobody asked for that: by the restart policy the pod has ended, or starts again. */
  vmEnded(cause: string, now: Moment): void {
    const policy = this.running.spec.restartPolicy
    this.records = this.records.map((record) => vmLost(record, cause, policy, now.wall))
    if (hasEnded(this.records)) {
      this.stage = 'ended'
      return
    }
    this.stage = 'idle'
    const { delayMs, nextMs } = restartBackoff(this.vmBackoffMs, now.steady - this.upSince)
    this.vmBackoffMs = nextMs
    this.notBefore = now.steady + delayMs
    const again = `It is started again ${delayMs === 0 ? 'now' : `in ${Math.round(delayMs / 1000)} s`}, for the restart policy is ${policy}.`
    this.problem = { about: 'VMReady', reason: 'VMFailed', message: `The pod's virtual machine ended: ${cause}. ${again}`, waiting: delayMs > 0 }
  }

  /** The VM was stopped on request. */
  stopped(suspended: boolean, now: Moment): void {
    this.records = this.records.map((record) => stopped(record, null, this.failure?.reason ?? (suspended ? 'HostStopped' : 'Stopped'), now.wall))
    this.stage = this.failure ? 'ended' : 'idle'
    this.notBefore = null
    if (suspended) this.problem = { about: 'VMReady', reason: 'HostStopped', message: 'The agent of the host was stopped; the pod starts again with it.', waiting: false }
  }

  /** The host ends the pod for good; the first cause stays. */
  fail(failure: Failure): boolean {
    if (this.failure || this.stage === 'ended' || this.stage === 'gone') return false
    this.failure = failure
    return true
  }

  /** It had failed before it ran, or between two runs. */
  conclude(now: Moment): void {
    this.records = this.records.map((record) => stopped(record, null, this.failure?.reason ?? 'Stopped', now.wall))
    this.stage = 'ended'
    this.problem = null
  }

  /** Its ConfigMaps and Secrets have not come from the server yet. */
  unconfigured(): void {
    this.problem = { about: 'VMReady', reason: 'WaitingForConfiguration', message: 'The pod waits for its ConfigMaps and Secrets, which the server sends to its host. It starts by itself once they are here.', waiting: true }
  }

  /** Whom it waits for. */
  waitsForVolumes(message: string): void {
    this.problem = { about: 'VMReady', reason: waitingForVolumes, message, waiting: true }
  }

  undone(): void {
    this.leftover = null
    this.vmRecord = null
    this.dirty = false
  }

  report(wanted: Wanted['kind'], now: Moment): PodReport {
    const { assignment, stage, imagesReady, problem, leftover, failure, records, conditions, startMode, startSteps, startedAt } = this
    const facts = { assignment, stage, failure, stopping: wanted === 'remove', imagesReady, problem, leftover, records, conditions, startMode, startSteps, startedAt }
    const time = new Date(now.wall).toISOString()
    this.conditions = podConditions(facts, time)
    return podReport({ ...facts, conditions: this.conditions }, time)
  }

  entry(wanted: Wanted): LedgerEntry {
    const stage = this.stage === 'up' || this.stage === 'found' ? 'up' : this.stage === 'ended' ? 'ended' : wanted.kind === 'suspend' ? 'suspended' : 'idle'
    const { conditions, startMode, startSteps, startedAt, vmBackoffMs, vmUid, records, vmRecord, accepted, machineBoot, failure } = this
    return {
      ...{ version: 1, vmUid, stage, vm: vmRecord, containers: records, conditions, startMode, startedAt, vmBackoffMs, acceptedAt: accepted.wall, acceptedSteady: { machineBoot, ms: accepted.steady }, failure },
      // What runs is what another agent must find; a removal that was asked for is kept with it.
      assignment: { ...this.running, deletion: wanted.kind === 'remove' ? { graceSeconds: wanted.graceSeconds } : null },
      images: [...this.images].map(([reference, image]) => ({ wanted: reference, image })),
      startSteps: startSteps.map((step) => ({ ...step })),
    }
  }

  private restore(found: LedgerEntry): void {
    this.dirty = true
    this.stage = found.stage === 'up' ? 'found' : found.stage === 'ended' ? 'ended' : 'idle'
    this.images = new Map(found.images.map(({ wanted, image }) => [wanted, image]))
    this.imagesReady = found.images.length > 0
    this.conditions = found.conditions
    this.startMode = found.startMode
    this.startSteps = found.startSteps
    this.startedAt = found.startedAt
    this.vmBackoffMs = found.vmBackoffMs
    this.vmRecord = found.vm
    const isUnknown = found.containers.length === 0 && this.stage === 'ended'
    this.failure = found.failure ?? (isUnknown ? { reason: 'EndUnknown', message: 'The host could not read how the containers of the pod ended. Look at their logs, and re-create the pod where it has to run again.' } : null)
  }
}

const waitingForVolumes = 'WaitingForVolumes'

function hasAllVolumes({ spec, volumes = [] }: Assignment): boolean {
  const assigned = new Set(volumes.map(({ name }) => name))
  return persistentVolumes(spec).every(({ name }) => assigned.has(name))
}

/** What failed, in the tenant's words: the cause itself may name what is the host's. */
const failedSteps: Readonly<Record<string, string>> = {
  image: 'its images could not be made ready',
  network: 'its place in the network could not be made',
  disks: 'its disk could not be made',
  volumes: 'its volumes could not be made ready',
  attach: 'its volumes could not be attached',
  template: 'what its virtual machine is started from could not be made',
  vm: 'its virtual machine did not start',
  guest: 'the agent in its virtual machine did not answer as it should, or the network was not ready for it',
}

/** Within one boot of the machine the steady clock tells, whatever the wall's was set to since. */
function acceptedAt(found: LedgerEntry | null, now: Moment, machineBoot: string): Moment {
  if (!found || found.acceptedAt === null) return now
  const { acceptedAt: wall, acceptedSteady } = found
  return { wall, steady: acceptedSteady?.machineBoot === machineBoot ? acceptedSteady.ms : steadySince(wall, now) }
}

/** What a VM is made from, for comparison: another value takes another VM. Resolvers are given at the start and stay. */
function whatRuns({ spec, size, network, hostname }: Assignment): string {
  const { id, number, cidr, gateway, address, prefixLength, mac, ipv6 } = network
  return JSON.stringify([spec, size, hostname, id, number, cidr, gateway, address, prefixLength, mac, ...(ipv6 ? [ipv6] : [])])
}

/** What of a pod's place in its network changes while it runs. A guest keeps the largest packet that it was told. */
const switches = ({ network: { outbound, mtu, bandwidth } }: Assignment): string => JSON.stringify([outbound, mtu, bandwidth?.ingress ?? null, bandwidth?.egress ?? null])
