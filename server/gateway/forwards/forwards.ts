import { randomBytes } from 'node:crypto'
import type { Logger } from '@/platform/logger'
import { DomainError } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import type { BrowserForward, BrowserForwards } from '@/server/services/browser-forwards'
import type { HostStreams } from '@/server/services/host-streams'
import { ForwardSession, secretText } from './session'

const ticketMs = 30_000
/** Without a request for so long, or after so long in any case, a browser has to come from the console again. */
const idleMs = 30 * 60_000
const lifeMs = 12 * 60 * 60_000
const sweepMs = 60_000
const maxSessionsOfOwner = 32

type Parts = {
  /** The address below whose host each forward has a name of its own; null: there is none. */
  forwardUrl: string | null
  streams: Pick<HostStreams, 'open'>
  /** Calls back when the credential is not good any more; returns what stops that. */
  watch(actor: Actor, end: () => void): () => void
  log: Logger
}

/** Ports of pods that are open in browsers: who may see which, and until when. */
export class Forwards implements BrowserForwards {
  private readonly byLabel = new Map<string, { session: ForwardSession; unwatch: () => void }>()
  private readonly tickets = new Map<string, { session: ForwardSession; timer: NodeJS.Timeout }>()
  private readonly timer: NodeJS.Timeout

  constructor(private readonly parts: Parts) {
    this.timer = setInterval(() => this.sweep(performance.now()), sweepMs)
    this.timer.unref()
  }

  open(forward: BrowserForward): string {
    const { forwardUrl } = this.parts
    if (forwardUrl === null) throw new DomainError('failed_precondition', 'This installation has no domain for pages of pods. Use the local command of the port, or have the operator set HYPERNETES_FORWARD_URL.')
    const session = this.sessionOf(forward)
    this.dropTickets(session)
    const ticket = secretText()
    this.tickets.set(ticket, { session, timer: setTimeout(() => this.tickets.delete(ticket), ticketMs) })
    const url = new URL(`/__hypernetes/enter/${ticket}`, forwardUrl)
    url.hostname = `${session.label}.${url.hostname}`
    return url.href
  }

  /** The session of a ticket, which is good once, on its own host alone. */
  async enter(label: string, ticket: string): Promise<ForwardSession | null> {
    const found = this.tickets.get(ticket)
    if (!found || found.session.label !== label || found.session.isOver) return null
    this.tickets.delete(ticket)
    clearTimeout(found.timer)
    const { session } = found
    if (!session.hasBegun) await session.forward.onBegin()
    session.hasBegun = true
    return session
  }

  find(label: string): ForwardSession | null {
    return this.byLabel.get(label)?.session ?? null
  }

  close(): void {
    clearInterval(this.timer)
    for (const { timer } of this.tickets.values()) clearTimeout(timer)
    for (const label of [...this.byLabel.keys()]) this.end(label)
  }

  /** The same port opened again keeps its host, and so what its page stores in the browser. */
  private sessionOf(forward: BrowserForward): ForwardSession {
    const all = [...this.byLabel.values()].map((each) => each.session)
    const same = all.find((each) => each.forward.actor.credentialId === forward.actor.credentialId && each.forward.podUid === forward.podUid && each.forward.port === forward.port && each.forward.hostId === forward.hostId)
    if (same) {
      same.lastUsed = performance.now()
      return same
    }
    const own = all.filter((each) => each.forward.owner === forward.owner)
    if (own.length >= maxSessionsOfOwner) throw new DomainError('rate_limited', `More than ${maxSessionsOfOwner} ports of this tenant are open in browsers: those not used for 30 minutes close by themselves.`)
    const label = randomBytes(16).toString('hex')
    const session = new ForwardSession(label, forward, performance.now(), this.parts.streams)
    this.byLabel.set(label, { session, unwatch: this.parts.watch(forward.actor, () => this.end(label)) })
    return session
  }

  /** A session has one ticket: the bound of sessions is that of tickets too. */
  private dropTickets(session: ForwardSession): void {
    for (const [ticket, { session: of, timer }] of this.tickets) {
      if (of !== session) continue
      clearTimeout(timer)
      this.tickets.delete(ticket)
    }
  }

  private sweep(now: number): void {
    for (const [label, { session }] of this.byLabel) {
      const isIdle = !session.isBusy && now - session.lastUsed > idleMs
      if (isIdle || now - session.begunAt > lifeMs) this.end(label)
    }
  }

  private end(label: string): void {
    const found = this.byLabel.get(label)
    if (!found) return
    this.byLabel.delete(label)
    found.unwatch()
    this.dropTickets(found.session)
    found.session.end()
    if (found.session.hasBegun) void found.session.forward.onEnd(found.session.bytes).catch((err: unknown) => this.parts.log.error({ err }, 'the end of a forward was not audited'))
  }
}
