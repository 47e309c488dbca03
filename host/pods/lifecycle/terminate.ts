import type { ContainerSpec } from '@/domain/pod/spec'
import type { SignalName } from '@/contracts/guest/v1/requests'
import { hook } from '../probes/check'
import type { CheckTarget } from '../probes/target'
import type { PodContext } from './context'
import type { Instance } from './instance'
import { fixedBound, untilDeadline, type StopBound } from './until'

/** What a container gets for its end at the least when its hook, or waiting for its turn, took the whole grace. Source: kubernetes, minimumGracePeriodInSeconds. */
const leastMs = 2_000
const killedWithinMs = 3_000

/**
 * Ends an instance as the kubelet does: its preStop hook and the stop signal within the grace, then KILL. `turn` is when
 * it may be signalled: sidecars go after the containers. Without any grace it is KILLed at once. Never rejects.
 */
export async function terminate(context: PodContext, container: ContainerSpec, instance: Instance, signal: SignalName, bound: StopBound, turn: Promise<unknown> = Promise.resolve()): Promise<void> {
  const { clock, guest, over } = context
  const { name } = container
  const send = (what: SignalName) => void guest.signalContainer(name, what).catch(() => {})
  const begun = clock.steady()
  if (bound.deadline() > begun) {
    const hadHook = await preStop(context, container, instance, bound)
    await untilDeadline(clock, Promise.race([turn, instance.exit]), bound, over)
    if (instance.hasEnded) return
    send(signal)
    const least = hadHook || clock.steady() > begun ? clock.steady() + leastMs : 0
    const late: StopBound = { ...bound, deadline: () => Math.max(bound.deadline(), least) }
    if ((await untilDeadline(clock, instance.exit, late, over)) || over.aborted) return
  }
  send('KILL')
  await untilDeadline(clock, instance.exit, fixedBound(clock.steady() + killedWithinMs), over)
}

/** Whether there was a hook. One that fails or takes too long is told and does not keep the container from its end. */
async function preStop({ clock, guest, event, assignment }: PodContext, container: ContainerSpec, instance: Instance, bound: StopBound): Promise<boolean> {
  const handler = container.lifecycle?.preStop
  if (!handler) return false
  if (instance.wasHooked) return true
  instance.wasHooked = true
  const over = new AbortController()
  const target: CheckTarget = { guest, clock, container, podIP: assignment.network.address }
  const result = hook(handler, target, over.signal)
  const isDone = await untilDeadline(clock, Promise.race([result, instance.exit]), bound)
  over.abort(new Error('the grace is over'))
  const { outcome, message } = await result
  if (!instance.hasEnded && (!isDone || outcome === 'failure' || outcome === 'unknown')) event('Warning', 'FailedPreStopHook', `The preStop hook of container "${container.name}" failed: ${isDone ? message : 'it did not end within the grace period'}. The container was stopped without it.`)
  return true
}
