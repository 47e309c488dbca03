import type { Duplex } from 'node:stream'
import type { StreamRequest } from '@/contracts/host/v1/streams'

/** A stream between the server and a host: whole messages, the first byte of each its channel. */
export type HostStream = Duplex & { readonly hostStream?: true }

/** The bytes that a stream has carried, without its channels' own. */
export type StreamBytes = { toPod: number; fromPod: number }

/** What a host may be asked to dial for: a stream of a pod, a balancer's access log, or its servers as they are now. */
export type HostRequest = StreamRequest | { kind: 'balancerLog'; balancerUid: string; tailLines: number; follow: boolean } | { kind: 'balancerServers'; balancerUid: string }

/** What services need of the gateway. */
export type HostStreams = {
  /**
   * Asks the host to dial and gives its stream (object mode, Buffers with the channel byte first).
   * `owner` is the tenant: its streams are bounded, so that one cannot take all of a host's.
   * Throws `rate_limited` beyond that bound, and `unavailable` when the host is not connected or does not dial within `timeoutMs` (default 10 s).
   */
  open(hostId: string, request: HostRequest, options?: { signal?: AbortSignal; timeoutMs?: number; owner?: string }): Promise<HostStream>
  /** A one-time ticket, good for 30 s, with which a browser may take over the stream that `open` would give. */
  issueTicket(ticket: { hostId: string; request: HostRequest; owner: string; credentialId: string; onBegin(): Promise<void>; onEnd(bytes: StreamBytes): Promise<void> }): string
}
