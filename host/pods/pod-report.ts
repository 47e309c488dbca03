import type { Assignment, PodReport } from '@/contracts/host/v1'
import type { StartStep } from '@/domain/pod/status'
import type { Condition } from '@/domain/shared/condition'
import type { ContainerRecord } from './container-record'
import { failedInit, isInitialized } from './lifecycle/phases'
import { storableText } from './storable-text'
import type { Stage } from './wanted'

/** What stands between the pod and its containers. `about` is the condition that it makes false. */
export type Problem = { about: 'ImagesReady' | 'VMReady'; reason: string; message: string; waiting: boolean }

/** Why the host has ended a pod for good. */
export type Failure = { reason: string; message: string }

/** All that a pod's report is made of. */
export type ReportFacts = {
  assignment: Assignment
  stage: Stage
  stopping: boolean
  imagesReady: boolean
  problem: Problem | null
  /** What could not be undone yet. */
  leftover: string | null
  failure?: Failure | null
  records: readonly ContainerRecord[]
  conditions: readonly Condition[]
  startMode: 'template' | 'cold' | null
  startSteps: readonly StartStep[]
  startedAt: string | null
}

/** The report of a pod. Pure; `now` is RFC 3339 and dates the conditions that change. */
export function podReport(facts: ReportFacts, now: string): PodReport {
  const { phase, reason, message } = summary(facts)
  return {
    uid: facts.assignment.uid,
    observedGeneration: facts.assignment.generation,
    phase,
    reason: storableText(reason, 128),
    message: storableText(message, 4096),
    conditions: podConditions(facts, now),
    containers: facts.records.map(({ status }) => withProblem(status, facts)),
    startMode: facts.startMode,
    startSteps: facts.startSteps.slice(0, 60).map((step) => ({ ...step })),
    startedAt: facts.startedAt,
  }
}

function withProblem(status: ContainerRecord['status'], { problem, stage }: ReportFacts): ContainerRecord['status'] {
  const lastEnd = status.lastEnd && { ...status.lastEnd, message: storableText(status.lastEnd.message, 4096) }
  const told = { ...status, lastEnd, message: storableText(status.message, 4096) }
  if (status.state !== 'Waiting' || stage === 'up' || !problem) return told
  const pull = problem.waiting ? 'ImagePullBackOff' : 'ErrImagePull'
  const isFinal = problem.reason === 'ErrImageNeverPull' || problem.reason === 'InvalidImageName'
  return { ...told, reason: problem.about === 'ImagesReady' && !isFinal ? pull : problem.reason, message: storableText(problem.message, 4096) }
}

type Summary = Pick<PodReport, 'phase' | 'reason' | 'message'>

function summary(facts: ReportFacts): Summary {
  const { stage, problem, records } = facts
  if (stage === 'gone') return { phase: 'Gone', reason: '', message: '' }
  if (facts.stopping) return { phase: 'Stopping', reason: facts.leftover ? 'CleanupFailed' : '', message: facts.leftover ?? '' }
  if (facts.failure) return { phase: stage === 'ended' ? 'Failed' : stage === 'up' ? 'Running' : 'Starting', ...facts.failure }
  const bad = records.find((r) => r.status.state !== 'Running' && r.status.reason !== 'Completed' && r.status.message !== '')
  if (stage === 'ended') {
    const init = failedInit(records)
    if (init) return { phase: 'Failed', reason: 'InitContainerFailed', message: init.status.message }
    const failed = records.find((r) => r.status.role === 'container' && r.status.exitCode !== 0)
    return failed ? { phase: 'Failed', reason: failed.status.reason, message: failed.status.message } : { phase: 'Succeeded', reason: 'Completed', message: '' }
  }
  if (stage === 'up' || stage === 'found') {
    // A container whose first process has not run yet is still on its way; one that waits to be restarted has run.
    const tried = records.some((r) => r.status.role === 'container' && (r.status.state !== 'Waiting' || r.starts > 1 || r.status.exitCode !== null))
    return { phase: tried ? 'Running' : 'Starting', reason: bad?.status.reason ?? '', message: bad?.status.message ?? '' }
  }
  return { phase: 'Starting', reason: problem?.reason ?? (facts.leftover ? 'CleanupFailed' : ''), message: problem?.message ?? facts.leftover ?? '' }
}

/** The host's own conditions; `lastTransitionTime` moves only when a status does. */
export function podConditions(facts: ReportFacts, now: string): Condition[] {
  const { stage, problem, records, imagesReady } = facts
  const up = stage === 'up' && !facts.stopping
  const notReady = records.filter((r) => r.status.role !== 'init' && !(r.status.ready || (r.done && r.status.exitCode === 0)))
  const first = notReady[0]
  const images: Fact = problem?.about === 'ImagesReady' ? no(problem.reason, problem.message) : imagesReady || up ? yes('ImagesReady') : no('Pulling', 'The images are being made ready.')
  const vm = vmFact(facts, up)
  const cause = problem ? problem.message : vm.message
  const containers: Fact =
    stage === 'ended'
      ? no(facts.failure?.reason ?? 'PodCompleted', facts.failure?.message ?? 'The containers have ended.')
      : up && !first
        ? yes('ContainersRunning')
        : no('ContainersNotReady', up && first ? first.status.message || notReadyYet(first) : cause)
  const all: [string, Fact][] = [['ImagesReady', images], ['VMReady', vm], ['Initialized', initialized(facts, up, cause)], ['ContainersReady', containers], ['Ready', containers.status === 'True' ? yes('PodReady') : containers]]
  return all.map(([type, fact]) => {
    const before = facts.conditions.find((c) => c.type === type)
    const lastTransitionTime = before && before.status === fact.status ? before.lastTransitionTime : now
    return { type, status: fact.status, reason: storableText(fact.reason, 128), message: storableText(fact.message, 4096), lastTransitionTime, observedGeneration: facts.assignment.generation }
  })
}

/** Whether the init containers have succeeded and the sidecars have started; true from the beginning where there are none. */
function initialized({ records, stage, stopping }: ReportFacts, up: boolean, cause: string): Fact {
  // What ends takes nothing back: a sidecar that was stopped had started.
  const was = (stage === 'ended' || stopping) && records.some((r) => r.status.role === 'container' && r.starts > 0)
  if (isInitialized(records) || was) return yes('PodInitialized')
  const open = records.find(({ status, done }) => (status.role === 'init' ? !(done && status.exitCode === 0) : status.role === 'sidecar' && !status.started))
  const name = open ? `${open.status.role === 'sidecar' ? 'Sidecar' : 'Init container'} "${open.status.name}"` : 'An init container'
  const failed = open?.status.role === 'init' && open.status.exitCode !== null && open.status.exitCode !== 0
  if (!up && !failed) return no('ContainersNotInitialized', cause)
  return no(failed ? 'InitContainerFailed' : 'ContainersNotInitialized', open?.status.message || `${name} has not ${open?.status.role === 'sidecar' ? 'started' : 'succeeded'} yet.`)
}

function notReadyYet({ status }: ContainerRecord): string {
  if (status.state !== 'Running') return status.reason === 'PodInitializing' ? `Container "${status.name}" waits for the init containers.` : `Container "${status.name}" is being started.`
  return `Container "${status.name}" runs and waits for its ${status.started ? 'readiness' : 'startup'} probe.`
}

function vmFact({ stage, stopping, problem, failure }: ReportFacts, up: boolean): Fact {
  if (up) return yes('VMRunning')
  if (stopping) return no('Stopping', 'The pod is being stopped.')
  if (stage === 'ended') return failure ? no(failure.reason, failure.message) : no('PodCompleted', 'The containers have ended, so the virtual machine was stopped.')
  if (problem?.about === 'VMReady') return no(problem.reason, problem.message)
  return problem ? no('WaitingForImages', 'The virtual machine is started once the images are there.') : no('Starting', 'The virtual machine is being started.')
}

type Fact = { status: 'True' | 'False'; reason: string; message: string }
const yes = (reason: string): Fact => ({ status: 'True', reason, message: '' })
const no = (reason: string, message: string): Fact => ({ status: 'False', reason, message })
