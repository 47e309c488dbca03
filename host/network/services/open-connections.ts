import { setTimeout as pause } from 'node:timers/promises'
import { ExecError } from '@/platform/exec'
import type { Logger } from '@/platform/logger'
import type { NetworkNamespaceKernel } from '../kernel'
import type { ServiceState } from './service-section'
import { forgetFlowArguments, listFlowArguments, readFlow, staleFlows, type ServiceFlow } from './stale-flows'

/** Kinds of connections that one look forgets; the next one follows for what is more. */
const MOST_AT_ONCE = 100

/**
 * Ends, in one network's namespace, what services led to endpoints that have gone. It looks at what the kernel has instead of remembering
 * what changed, so what went away while no agent ran is found too. One look at a time, and a pause after each, however much changes.
 */
export class OpenConnections {
  private next: ServiceState | null = null
  private seen: ServiceState | null = null
  private running: Promise<void> | null = null
  private readonly ending = new AbortController()

  constructor(private readonly kernel: Pick<NetworkNamespaceKernel, 'stream'>, private readonly log: Pick<Logger, 'warn'>, private readonly pauseMs = 1000) {}

  /** To be told after each change that is in the kernel, and at the start. Does not wait for what it brings about. */
  follow(state: ServiceState): void {
    const { seen } = this
    this.seen = state
    const isSame = seen !== null && seen.services === state.services && seen.pods === state.pods && seen.ports === state.ports
    const hasNone = state.services.length === 0 && (seen === null || seen.services.length === 0)
    if (isSame || hasNone || state.serviceCidrs.length === 0 || this.ending.signal.aborted) return
    this.next = state
    this.running ??= this.work().finally(() => { this.running = null })
  }

  /** Waits for what it does now. */
  async settled(): Promise<void> {
    await this.running
  }

  /** Looks no more. */
  stop(): void {
    this.ending.abort()
  }

  private async work(): Promise<void> {
    const { signal } = this.ending
    while (this.next && !signal.aborted) {
      const state = this.next
      this.next = null
      try {
        if (await this.forgetStale(state)) this.next ??= state
      } catch (error) {
        // Of a namespace that was taken away meanwhile there is nothing to say.
        if (!signal.aborted) this.log.warn({ err: error }, 'connections to endpoints that have gone were not ended; they end by themselves, or with the next change')
      }
      if (this.pauseMs > 0) await pause(this.pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** True where there was more than one look forgets. */
  private async forgetStale(state: ServiceState): Promise<boolean> {
    const flows = new Map<string, ServiceFlow>()
    for (const args of listFlowArguments(state.serviceCidrs)) await this.kernel.stream('conntrack', args, (line) => readFlow(line, flows))
    const stale = staleFlows([...flows.values()], state)
    for (const flow of stale.slice(0, MOST_AT_ONCE)) {
      // It fails with 1 where they have ended by themselves meanwhile.
      await this.kernel.stream('conntrack', forgetFlowArguments(flow)).catch((error: unknown) => { if (!(error instanceof ExecError) || error.code !== 1) throw error })
    }
    return stale.length > MOST_AT_ONCE
  }
}
