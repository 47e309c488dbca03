import type { HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerServerState } from '@/contracts/host/v1/figures'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import type { Run } from '@/host/network/kernel'
import type { Logger } from '@/platform/logger'
import type { ServersOf } from './packet-filter'

/** A certificate with its chain and key; `revision` tells two of one id apart. */
export type Certificate = { id: string; revision: string; pem: string }

/** What HAProxy shall do now. Certificates that are not known (an agent that began anew was not told them yet) are missing. */
export type HaproxyWanted = { balancer: HostBalancer; servers: ServersOf; certificates: ReadonlyMap<string, Certificate> }

/** What passed through a part since HAProxy counts; latencies as in contracts/host/v1/figures.ts, null where there is none. */
export type PartCounters = { part: string; connections: number; requests: number; errors4xx: number; errors5xx: number; failed: number; receivedBytes: number; sentBytes: number; latency: readonly number[] | null; activeConnections: number }

/** Of a part through which nothing passed. */
export const nothing: PartCounters = { part: '', connections: 0, requests: 0, errors4xx: 0, errors5xx: 0, failed: 0, receivedBytes: 0, sentBytes: 0, latency: null, activeConnections: 0 }

/**
 * The HAProxy of one balancer. Each method resolves when it is done, and leaves what ran before where it throws. `bring`: starts it, takes up the one that an earlier agent
 * left, or changes the one that runs; says what of it could not be carried out, for people, or null.
 */
export type Haproxy = {
  bring: (wanted: HaproxyWanted) => Promise<string | null>
  /** Gives these servers, by backend, nothing new from now on, ahead of what else `bring` is to change. */
  release: (servers: ServersOf) => Promise<void>
  /** These servers are dead: they get nothing new until a check finds one of them alive. They are asked for when they are told. */
  lost: (servers: () => ServersOf) => Promise<void>
  isRunning: () => Promise<boolean>
  /** Ends it and all that it has here. Does nothing where there is none. */
  stop: () => Promise<void>
  /** Servers that its own checks took out, as `backend/address:port`. */
  serversDown: () => Promise<string[]>
  /** All of its servers, for who looks at them. */
  servers: () => Promise<BalancerServerState[]>
  counters: () => Promise<PartCounters[]>
  log: (options: { tailLines: number; follow: boolean }, signal: AbortSignal) => AsyncIterable<BalancerLogLine>
}

/** Where a balancer's namespace gets its link to: `device` is the link's name in it. */
export type BalancerParts = {
  hostTag: string
  run: Run
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  outside: { attach: (balancer: HostBalancer, namespace: string, device: string) => Promise<void>; detach: (balancer: Pick<HostBalancer, 'number'>, namespace: string, device: string) => Promise<void> }
  network: { attach: (balancer: HostBalancer, namespace: string, device: string) => Promise<void>; detach: (balancer: Pick<HostBalancer, 'uid' | 'number'>) => Promise<void> }
  /** `onEnd`: its process ended by itself. */
  haproxy: (balancer: Pick<HostBalancer, 'uid' | 'number'>, namespacePath: string, onEnd: () => void) => Haproxy
  /**
   * What an earlier agent left. `endUnwritten` ends what runs and is written down nowhere, with one look for all, and says how many processes that were; `removeBut` removes all that is of no balancer
   * that is kept, which it asks right before each, says of how many, and tells of each of which it could not.
   */
  haproxies: { endUnwritten: () => Promise<number>; removeBut: (isKept: (uid: string) => boolean, failed: (uid: string, error: unknown) => void) => Promise<number> }
}
