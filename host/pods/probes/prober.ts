import type { Probe } from '@/domain/pod/probe'
import { check } from './check'
import type { CheckResult } from './result'
import type { CheckTarget } from './target'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'
/** What a prober tells: each check that went wrong, and its verdict whenever a threshold is reached. */
export type ProbeListener = { troubled: (kind: ProbeKind, result: CheckResult, inRow: number) => void; decided: (kind: ProbeKind, isGood: boolean, message: string) => void }

const unasked: CheckResult = { outcome: 'unknown', message: '' }

/** That a pod does not answer while it stands still says nothing of its container. */
async function checked(probe: Probe, target: CheckTarget, signal: AbortSignal): Promise<CheckResult> {
  if (target.isPaused?.()) return unasked
  const result = await check(probe, target, signal)
  return target.isPaused?.() ? unasked : result
}

/**
 * One probe of one instance of a container, until the signal: the first check after the initial delay from the
 * container's start (`startedAt`, of the steady clock), then one each period; a check that takes longer than a period leaves out the next. A pod that stands still is asked nothing.
 * Source: kubernetes pkg/kubelet/prober/worker.go.
 */
export async function keepProbing(kind: ProbeKind, probe: Probe, target: CheckTarget, startedAt: number, listener: ProbeListener, signal: AbortSignal): Promise<void> {
  const { clock } = target
  const periodMs = probe.periodSeconds * 1000
  let at = Math.max(clock.steady(), startedAt + probe.initialDelaySeconds * 1000)
  let inRow = 0
  let wasGood: boolean | null = null
  while (!signal.aborted) {
    if (at > clock.steady()) await clock.sleep(at - clock.steady(), signal).catch(() => {})
    if (signal.aborted) return
    const result = await checked(probe, target, signal)
    if (signal.aborted) return
    const isGood = result.outcome === 'success' || result.outcome === 'warning'
    if (result.outcome !== 'unknown') {
      inRow = isGood === wasGood ? inRow + 1 : 1
      wasGood = isGood
    }
    if (result !== unasked && result.outcome !== 'success') listener.troubled(kind, result, inRow)
    if (result.outcome !== 'unknown' && inRow >= (isGood ? probe.successThreshold : probe.failureThreshold)) {
      listener.decided(kind, isGood, result.message)
      // The container is ended for it, or has started: nothing more is asked of this instance.
      if (kind === 'startup' || (kind === 'liveness' && !isGood)) return
    }
    at += periodMs * Math.max(1, Math.ceil((clock.steady() - at) / periodMs))
  }
}
