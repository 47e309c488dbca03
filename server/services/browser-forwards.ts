import type { Actor } from '@/server/auth/scope'
import type { StreamBytes } from './host-streams'

/** A port of a pod that a person wants to see in a browser. `owner` is the tenant. */
export type BrowserForward = {
  hostId: string
  podUid: string
  port: number
  owner: string
  actor: Actor
  onBegin(): Promise<void>
  onEnd(bytes: StreamBytes): Promise<void>
}

/** What services need of the gateway. */
export type BrowserForwards = {
  /**
   * The address, good once and for 30 s, at which a browser enters the forward. Throws `failed_precondition` where the
   * installation has no domain for it, `rate_limited` beyond a tenant's bound.
   */
  open(forward: BrowserForward): string
}
