import { randomBytes } from 'node:crypto'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createWebSocketStream, type WebSocket } from 'ws'
import { streamChannel } from '@/contracts/host/v1/streams'
import { DomainError } from '@/domain/shared/errors'
import type { Logger } from '@/platform/logger'
import type { HostRequest, HostStream, HostStreams, StreamBytes } from '@/server/services/host-streams'
import type { HostSessions, OpenMessage } from './host-sessions'

const dialTimeoutMs = 10_000
const ticketLifeMs = 30_000
/** A tenant's streams in this process, of all kinds together. */
const maxStreamsOfOwner = 64

/** Tickets of a tenant that no browser has used yet. */
const maxTicketsOfOwner = 256

type Waiting = { resolve(stream: HostStream): void; timer: NodeJS.Timeout }
type BrowserTicket = { hostId: string; request: HostRequest; owner: string; credentialId: string; onBegin(): Promise<void>; onEnd(bytes: StreamBytes): Promise<void>; timer: NodeJS.Timeout }

/**
 * Streams between browsers (or use cases) and hosts. Each is a WebSocket of its own that the host dials with a one-time
 * ticket, so that no bytes pass the control stream and a slow reader holds up nobody else.
 */
export class StreamBroker implements HostStreams {
  private readonly expected = new Map<string, Waiting>()
  private readonly tickets = new Map<string, BrowserTicket>()
  private readonly owners = new Map<string, number>()

  constructor(
    private readonly sessions: HostSessions,
    private readonly log: Logger,
  ) {}

  /** Streams of all owners that are open. */
  get openCount(): number {
    return [...this.owners.values()].reduce((sum, count) => sum + count, 0)
  }

  async open(hostId: string, request: HostRequest, options: { signal?: AbortSignal; timeoutMs?: number; owner?: string } = {}): Promise<HostStream> {
    const { owner = '' } = options
    const open = this.owners.get(owner) ?? 0
    if (open >= maxStreamsOfOwner) throw new DomainError('rate_limited', `More than ${maxStreamsOfOwner} terminals, commands, logs, copies and port-forwards of this tenant are open: close some first.`)
    this.owners.set(owner, open + 1)
    const leave = () => {
      const left = (this.owners.get(owner) ?? 1) - 1
      if (left > 0) this.owners.set(owner, left)
      else this.owners.delete(owner)
    }
    try {
      const stream = await this.dialled(hostId, request, options)
      stream.once('close', leave)
      return stream
    } catch (error) {
      leave()
      throw error
    }
  }

  private dialled(hostId: string, request: HostRequest, options: { signal?: AbortSignal; timeoutMs?: number }): Promise<HostStream> {
    const session = this.sessions.get(hostId)
    if (!session) return Promise.reject(new DomainError('unavailable', 'The host of this pod is not connected: try again in a moment.'))
    const ticket = randomBytes(32).toString('base64url')
    return new Promise((resolve, reject) => {
      const forget = (error: DomainError) => {
        clearTimeout(timer)
        this.expected.delete(ticket)
        reject(error)
      }
      const timer = setTimeout(() => forget(new DomainError('unavailable', 'The host of this pod did not open the stream in time: try again in a moment.')), options.timeoutMs ?? dialTimeoutMs)
      options.signal?.addEventListener('abort', () => forget(new DomainError('unavailable', 'The request was given up.')), { once: true })
      this.expected.set(ticket, { resolve, timer })
      const url = `/ws/host-stream/${ticket}`
      session.open(messageFor(url, request))
    })
  }

  /** A path that a host may dial once within {@link dialTimeoutMs}, for what it has asked for itself. */
  offer(serve: (stream: HostStream) => void): string {
    const ticket = randomBytes(32).toString('base64url')
    const timer = setTimeout(() => this.expected.delete(ticket), dialTimeoutMs)
    this.expected.set(ticket, { resolve: serve, timer })
    return `/ws/host-stream/${ticket}`
  }

  issueTicket(ticket: Omit<BrowserTicket, 'timer'>): string {
    let own = 0
    for (const { owner } of this.tickets.values()) if (owner === ticket.owner) own += 1
    if (own >= maxTicketsOfOwner) throw new DomainError('rate_limited', `More than ${maxTicketsOfOwner} streams of this tenant were asked for in ${ticketLifeMs / 1000} s and not opened: open those, or try again in half a minute.`)
    const name = randomBytes(32).toString('base64url')
    this.tickets.set(name, { ...ticket, timer: setTimeout(() => this.tickets.delete(name), ticketLifeMs) })
    return name
  }

  /** Whether a host may connect with this ticket; a ticket is good once. */
  expects(ticket: string): boolean {
    return this.expected.has(ticket)
  }

  acceptHost(ticket: string, socket: WebSocket): void {
    const waiting = this.expected.get(ticket)
    if (!waiting) {
      socket.close(4404, 'no such ticket')
      return
    }
    this.expected.delete(ticket)
    clearTimeout(waiting.timer)
    waiting.resolve(messageStream(socket))
  }

  /** Takes the browser's ticket if it is the one of this credential. */
  takeTicket(ticket: string, credentialId: string): Omit<BrowserTicket, 'timer'> | null {
    const found = this.tickets.get(ticket)
    if (!found || found.credentialId !== credentialId) return null
    this.tickets.delete(ticket)
    clearTimeout(found.timer)
    return found
  }

  /** Joins the browser's socket with the host's stream until either ends; an error is told on the result channel. */
  async join(socket: WebSocket, ticket: Omit<BrowserTicket, 'timer'>): Promise<void> {
    const browser = messageStream(socket)
    const bytes = { toPod: 0, fromPod: 0 }
    let hasBegun = false
    try {
      const host = await this.open(ticket.hostId, ticket.request, { owner: ticket.owner })
      await ticket.onBegin().catch((error: unknown) => {
        host.destroy()
        throw error
      })
      hasBegun = true
      const [counted, countedBack] = [counter((n) => (bytes.toPod += n), [streamChannel.input]), counter((n) => (bytes.fromPod += n), [streamChannel.output, streamChannel.error])]
      await Promise.all([pipeline(browser, counted, host, { end: true }), pipeline(host, countedBack, browser, { end: true })]).catch((err: unknown) => this.log.debug({ err }, 'a stream ended'))
      host.destroy()
    } catch (error) {
      const message = error instanceof DomainError ? error.message : 'The stream could not be opened.'
      socket.send(Buffer.concat([Buffer.of(streamChannel.result), Buffer.from(JSON.stringify({ exitCode: null, error: message }))]))
      socket.close(1011, 'could not be opened')
    } finally {
      browser.destroy()
      if (hasBegun) await ticket.onEnd(bytes)
    }
  }
}

/** Hands messages on and counts the bytes of some channels. */
function counter(count: (bytes: number) => void, channels: readonly number[]): Transform {
  return new Transform({
    objectMode: true,
    highWaterMark: 1,
    transform(message: Buffer, _, done) {
      if (channels.includes(message[0] ?? -1)) count(message.length - 1)
      done(null, message)
    },
  })
}

/** A socket as a stream of whole binary messages, with backpressure both ways. */
function messageStream(socket: WebSocket): HostStream {
  const stream = createWebSocketStream(socket, { readableObjectMode: true, writableObjectMode: true, highWaterMark: 16 })
  // A peer that goes away ends the stream; whoever reads it learns of it from the end.
  stream.on('error', () => stream.destroy())
  return stream
}

/** What a host is told to dial for. */
function messageFor(url: string, request: HostRequest): OpenMessage {
  if (request.kind === 'balancerLog') return { ...request, kind: 'openBalancerLog', url }
  if (request.kind === 'balancerServers') return { ...request, kind: 'openBalancerServers', url }
  return { kind: 'open', url, request }
}
