import type { ContainerSpec } from '@/domain/pod/spec'
import { keepProbing, type ProbeKind, type ProbeListener } from '../probes/prober'
import type { CheckTarget } from '../probes/target'
import type { TroubleEvents } from '../probes/trouble-events'

export type ProbeOutcome = {
  /** The startup probe has succeeded. */
  started: () => void
  ready: (isReady: boolean, message: string) => void
  /** The liveness or startup probe has failed too often: the container is to be ended. */
  failed: (kind: ProbeKind, message: string, graceSeconds: number | undefined) => void
}

const heading = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' } as const

/** The probes of one instance until the signal: the startup probe first, the others once it has succeeded. */
export async function watchProbes(input: { target: CheckTarget; startedAt: number; hasStarted: boolean; troubles: TroubleEvents; outcome: ProbeOutcome }, signal: AbortSignal): Promise<void> {
  const { target, startedAt, troubles, outcome } = input
  const { startupProbe, livenessProbe, readinessProbe, name } = target.container
  const listener: ProbeListener = {
    troubled: (kind, { outcome: how, message }) => {
      const what = how === 'warning' ? 'warned' : how === 'unknown' ? 'errored' : 'failed'
      troubles.tell(`${name} ${kind}`, how === 'warning' ? 'ProbeWarning' : 'Unhealthy', `${heading[kind]} probe of container "${name}" ${what}: ${message}`)
    },
    decided: (kind, isGood, message) => {
      if (isGood) troubles.over(`${name} ${kind}`)
      if (kind === 'readiness') outcome.ready(isGood, isGood ? '' : `Its readiness probe fails: ${message}`)
      else if (!isGood) outcome.failed(kind, message, probeOf(target.container, kind)?.terminationGracePeriodSeconds)
      else if (kind === 'startup') outcome.started()
    },
  }
  let goesOn = true
  if (startupProbe && !input.hasStarted) {
    goesOn = false
    const startup: ProbeListener = { ...listener, decided: (kind, isGood, message) => { goesOn = isGood; listener.decided(kind, isGood, message) } }
    await keepProbing('startup', startupProbe, target, startedAt, startup, signal)
  }
  if (!goesOn) return
  await Promise.all([
    livenessProbe && keepProbing('liveness', livenessProbe, target, startedAt, listener, signal),
    readinessProbe && keepProbing('readiness', readinessProbe, target, startedAt, listener, signal),
  ])
}

const probeOf = (container: ContainerSpec, kind: ProbeKind) => ({ liveness: container.livenessProbe, readiness: container.readinessProbe, startup: container.startupProbe })[kind]
