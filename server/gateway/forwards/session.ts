import { randomBytes, timingSafeEqual } from 'node:crypto'
import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'
import type { BrowserForward } from '@/server/services/browser-forwards'
import type { HostStreams } from '@/server/services/host-streams'
import { Tunnel } from './tunnel'

/** As many connections to a pod as browsers open to one server, and a few that last (events, sockets). */
const maxConnections = 12
const maxIdleConnections = 4
export const secretText = (): string => randomBytes(32).toString('base64url')

/** One port of one pod in the browser of one person. */
export class ForwardSession {
  readonly bytes = { toPod: 0, fromPod: 0 }
  readonly agent: Agent
  lastUsed: number
  hasBegun = false
  isOver = false
  private readonly secret = secretText()
  private readonly open = new Set<{ destroy(): void }>()

  constructor(
    readonly label: string,
    readonly forward: BrowserForward,
    readonly begunAt: number,
    private readonly streams: Pick<HostStreams, 'open'>,
  ) {
    this.lastUsed = begunAt
    const connect = () => this.connect()
    this.agent = new (class extends Agent {
      override createConnection(_: unknown, done: (error: Error | null, socket: Duplex) => void): undefined {
        // Node takes any Duplex; its types ask for one even where there is an error.
        connect().then((socket) => done(null, socket), (error: Error) => done(error, undefined as unknown as Duplex))
      }
    })({ keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxIdleConnections, scheduling: 'lifo' })
  }

  /** A connection of its own to the port. */
  async connect(): Promise<Tunnel> {
    const { hostId, podUid, port, owner } = this.forward
    const host = await this.streams.open(hostId, { kind: 'portForward', podUid, port }, { owner })
    if (this.isOver) host.destroy()
    const tunnel = new Tunnel(host, this.bytes)
    this.hold(tunnel)
    // Its user hears of an error too; one that came while nobody used it is nobody's.
    tunnel.on('error', () => {})
    return tunnel
  }

  /** The cookie's value, which alone lets a browser in. */
  get cookie(): string {
    return this.secret
  }

  admits(cookie: string | undefined): boolean {
    const [given, own] = [Buffer.from(cookie ?? ''), Buffer.from(this.secret)]
    return given.length === own.length && timingSafeEqual(given, own)
  }

  /** Ends with the session. */
  hold(what: { destroy(): void; once(event: 'close', listener: () => void): unknown }): void {
    this.open.add(what)
    what.once('close', () => this.open.delete(what))
  }

  get isBusy(): boolean {
    return this.open.size > Object.values(this.agent.freeSockets).flat().length
  }

  end(): void {
    this.isOver = true
    this.agent.destroy()
    for (const each of this.open) each.destroy()
  }
}
