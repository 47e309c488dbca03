import type { SignalName } from '@/contracts/guest/v1/requests'
import type { LifecycleHandler } from '@/domain/pod/probe'
import type { ContainerSpec } from '@/domain/pod/spec'
import type { ContainerStatus } from '@/domain/pod/status'
import { momentOf, steadySince } from '../clock'
import type { KillCause } from '../container-record'
import { hook } from '../probes/check'
import type { CheckResult } from '../probes/result'
import type { CheckTarget } from '../probes/target'
import type { PodContext } from './context'
import type { Instance } from './instance'
import { terminate } from './terminate'
import { fixedBound } from './until'
import { watchProbes } from './watch-probes'

/** How often it is looked whether a pod that stands still goes on. */
const lookAgainMs = 1_000

export type StatusChange = { started?: boolean; ready: boolean; message?: string }

/** An instance that runs, and what is told of it. `status` is that of its start. */
export type Guarded = {
  context: PodContext
  spec: ContainerSpec
  instance: Instance
  /** What asks it to end. */
  signal: SignalName
  stopping: AbortSignal
  status: ContainerStatus
  change: (change: StatusChange) => void
  /** Its startup probe has succeeded. */
  startedUp: () => void
}

/** Runs the postStart hook, where there is one; the container is ended where it fails. Resolves at the end of the hook or of the container. */
export async function postStart(guarded: Guarded): Promise<void> {
  const { context, spec, instance } = guarded
  const handler = spec.lifecycle?.postStart
  if (!handler) return
  const { outcome, message } = await answered(handler, guarded)
  if (instance.watching.signal.aborted || outcome === 'success' || outcome === 'warning') return
  context.event('Warning', 'FailedPostStartHook', `The postStart hook of container "${spec.name}" failed: ${message}. The container is stopped.`)
  kill(guarded, { reason: 'PostStartHookError', message: `The postStart hook of container "${spec.name}" failed, so it was stopped: ${message}.` }, undefined)
}

/** A pod that stands still cannot answer: it is asked again once it goes on, as a hook may be. */
async function answered(handler: LifecycleHandler, guarded: Guarded): Promise<CheckResult> {
  const { instance, context: { clock } } = guarded
  const { signal } = instance.watching
  const target = targetOf(guarded)
  for (;;) {
    const result = await hook(handler, target, signal)
    if (result.outcome === 'success' || signal.aborted || !target.isPaused?.()) return result
    while (target.isPaused() && !signal.aborted) await clock.sleep(lookAgainMs, signal).catch(() => {})
  }
}

/** Keeps the instance's probes until it ends or the pod is stopped, and ends it where liveness or startup fail too often. */
export function watchInstance(guarded: Guarded): void {
  const { context, spec, instance, status, stopping, change } = guarded
  if (instance.cause) return
  const outcome = {
    started: () => {
      change({ started: true, ready: spec.readinessProbe === undefined })
      guarded.startedUp()
    },
    ready: (ready: boolean, message: string) => {
      if (!instance.cause) change({ ready, message })
    },
    failed: (kind: string, message: string, graceSeconds: number | undefined) => {
      context.event('Normal', 'Killing', `Container "${spec.name}" failed its ${kind} probe and is stopped.`)
      kill(guarded, { reason: 'Unhealthy', message: `Container "${spec.name}" failed its ${kind} probe too often and was stopped: ${message}.` }, graceSeconds)
    },
  }
  const now = momentOf(context.clock)
  const startedAt = status.startedAt === null ? now.steady : steadySince(Date.parse(status.startedAt), now)
  const input = { target: targetOf(guarded), startedAt, hasStarted: status.started, troubles: context.troubles, outcome }
  void watchProbes(input, AbortSignal.any([instance.watching.signal, stopping]))
}

function kill({ context, spec, instance, signal, change }: Guarded, cause: KillCause, graceSeconds: number | undefined): void {
  instance.cause = cause
  change({ ready: false, message: cause.message })
  const seconds = graceSeconds ?? context.assignment.spec.terminationGracePeriodSeconds
  void terminate(context, spec, instance, signal, fixedBound(context.clock.steady() + seconds * 1000))
}

const targetOf = ({ context: { guest, clock, assignment, isPaused }, spec }: Guarded): CheckTarget => ({ guest, clock, container: spec, podIP: assignment.network.address, isPaused })
