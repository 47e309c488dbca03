import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { WebSocketServer, type WebSocket } from 'ws'
import type { AnyRouter } from '@trpc/server'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import { cookieCounts } from '@/server/auth/own-page'
import type { Actor } from '@/server/auth/scope'
import type { DatabaseClient } from '@/server/store/database'
import { hostRouter, type HostConnection } from './host-router'
import type { HostSessions } from './host-sessions'
import type { LiveSockets } from './live-sockets'
import type { StreamBroker } from './streams'
import { UnprovenHosts, type UnprovenLimits } from './unproven-hosts'

export type GatewayParts<Context> = {
  db: DatabaseClient
  keyRing: KeyRing
  log: Logger
  sessions: HostSessions
  streams: StreamBroker
  live: LiveSockets
  publicUrl: string
  offerUpload?: (uploadId: string) => string
  /** Milliseconds that a host may take to say hello. */
  helloWithinMs?: number
  /** How many hosts' sockets may wait for a hello. */
  unprovenLimits?: UnprovenLimits
  /** Where a request comes from; without it, its peer. */
  addressOf?(request: IncomingMessage): string
  authenticate(request: IncomingMessage): Promise<Actor | null>
  /** The console's router and the context of one connection, given from outside so that this room knows no procedures. */
  router: AnyRouter
  createContext(request: IncomingMessage, actor: Actor | null): Context
}

/** Accepts the WebSockets of hosts and people. `upgrade` says whether the path was ours. */
export function createGateway<Context extends object>(parts: GatewayParts<Context>): { upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean; close(): void } {
  const server = (maxPayload: number) => new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
  const [hosts, hostStreams, people, browserStreams] = [server(16 << 20), server(1 << 20), server(256 << 10), server(1 << 20)]
  const hostHandler = serveHosts(parts, hosts)
  const actors = new WeakMap<IncomingMessage, Actor>()
  const peopleHandler = applyWSSHandler({ wss: people, router: parts.router, keepAlive: { enabled: true, pingMs: 15_000, pongWaitMs: 5_000 }, createContext: ({ req }) => parts.createContext(req, actors.get(req) ?? null) })
  people.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const actor = actors.get(request)
    if (actor) parts.live.add(socket, actor.credentialId, async () => (await parts.authenticate(request)) !== null)
  })

  const accept = (wss: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer, then: (ws: WebSocket) => void) => wss.handleUpgrade(request, socket, head, then)
  const emit = (wss: WebSocketServer, request: IncomingMessage) => (ws: WebSocket) => void wss.emit('connection', ws, request)

  const acceptPerson = async (request: IncomingMessage, socket: Duplex, head: Buffer, ticket: string | null) => {
    if (!hasCredential(request, parts.publicUrl)) return reject(socket, 403, 'Forbidden')
    const actor = await parts.authenticate(request)
    if (!actor) return reject(socket, 401, 'Unauthorized')
    actors.set(request, actor)
    if (ticket === null) return accept(people, request, socket, head, emit(people, request))
    const found = parts.streams.takeTicket(ticket, actor.credentialId)
    if (!found) return reject(socket, 404, 'Not Found')
    accept(browserStreams, request, socket, head, (ws) => {
      parts.live.add(ws, actor.credentialId, async () => (await parts.authenticate(request)) !== null)
      void parts.streams.join(ws, found)
    })
  }

  return {
    upgrade(request, socket, head) {
      const path = (request.url ?? '/').split('?')[0] ?? '/'
      const [, area, room, ticket, ...more] = path.split('/')
      if (area !== 'ws' || more.length > 0) return false
      socket.on('error', () => socket.destroy())
      if (room === 'host' && ticket === undefined) accept(hosts, request, socket, head, emit(hosts, request))
      else if (room === 'host-stream' && ticket) {
        if (parts.streams.expects(ticket)) accept(hostStreams, request, socket, head, (ws) => parts.streams.acceptHost(ticket, ws))
        else reject(socket, 404, 'Not Found')
      } else if ((room === 'trpc' && ticket === undefined) || (room === 'stream' && ticket)) {
        acceptPerson(request, socket, head, ticket ?? null).catch((err: unknown) => {
          parts.log.error({ err }, 'an upgrade failed')
          reject(socket, 500, 'Internal Server Error')
        })
      } else reject(socket, 404, 'Not Found')
      return true
    },
    close() {
      peopleHandler.broadcastReconnectNotification()
      hostHandler.broadcastReconnectNotification()
      parts.live.close()
      for (const wss of [hosts, hostStreams, people, browserStreams]) {
        for (const client of wss.clients) client.terminate()
        wss.close()
      }
    },
  }
}

/** So many bytes wait for a host's socket before the next large message is made. */
const maxBuffered = 4 << 20

/** Anybody may open a host's socket, and only a signed hello makes it one: without it the socket is held for nobody. */
const helloWithinMs = 15_000

function serveHosts(parts: Pick<GatewayParts<object>, 'db' | 'keyRing' | 'log' | 'sessions' | 'offerUpload' | 'helloWithinMs' | 'unprovenLimits' | 'addressOf'>, wss: WebSocketServer) {
  const connections = new WeakMap<WebSocket, HostConnection>()
  const unproven = new UnprovenHosts(parts.unprovenLimits)
  wss.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    unproven.add(socket, request.socket, parts.addressOf?.(request) ?? request.socket.remoteAddress ?? '')
    const timer = setTimeout(() => {
      if (!connections.get(socket)?.session) socket.terminate()
    }, parts.helloWithinMs ?? helloWithinMs)
    socket.once('close', () => clearTimeout(timer))
  })
  return applyWSSHandler({
    wss,
    router: hostRouter,
    keepAlive: { enabled: true, pingMs: 10_000, pongWaitMs: 10_000 },
    createContext: ({ res }): HostConnection => {
      const connection: HostConnection = {
        ...parts, nonce: null, session: null,
        proven: () => unproven.prove(res),
        disconnect: () => res.close(4409, 'another connection of this host took over'),
        drained: async () => {
          while (res.readyState === res.OPEN && res.bufferedAmount > maxBuffered) await delay(10)
        },
      }
      connections.set(res, connection)
      res.once('close', () => {
        if (connection.session) parts.sessions.remove(connection.session)
      })
      return connection
    },
  })
}

/** A script with a bearer token needs no Origin. */
function hasCredential(request: IncomingMessage, publicUrl: string): boolean {
  const { cookie, authorization } = request.headers
  return authorization !== undefined || (cookie !== undefined && cookieCounts(request, publicUrl))
}

function reject(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
