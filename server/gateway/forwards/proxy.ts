import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DomainError } from '@/domain/shared/errors'
import { changes, isOwnPage } from '@/server/auth/own-page'
import type { Forwards } from './forwards'
import { cookieOf, toBrowser, toPod } from './headers'
import type { ForwardSession } from './session'
import { TunnelError } from './tunnel'

const entrance = /^\/__hypernetes\/enter\/([\w-]{43})$/

/**
 * Serves what pods serve over HTTP on hosts of their own below the forward domain (docs/adr/0011): none of the console's
 * pages or procedures is there, and none of its cookies. `serve` and `upgrade` say whether the host was one of those.
 */
export class ForwardProxy {
  private readonly domain: URL | null
  private readonly cookieName: string

  constructor(
    private readonly forwards: Forwards,
    forwardUrl: string | null,
  ) {
    this.domain = forwardUrl === null ? null : new URL(forwardUrl)
    this.cookieName = this.domain?.protocol === 'https:' ? '__Host-hypernetes-forward' : 'hypernetes-forward'
  }

  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const label = this.labelOf(request)
    if (label === null) return false
    this.answer(label, request, response).catch((error: unknown) => refuse(response, 502, reasonOf(error)))
    return true
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const label = this.labelOf(request)
    if (label === null) return false
    socket.on('error', () => socket.destroy())
    const session = this.admitted(label, request)
    if (!session || !isOwnPage(request, this.originOf(request), 'said')) refuseUpgrade(socket, 403)
    else void this.join(session, request, socket, head)
    return true
  }

  /** The first part of a host below the forward domain; null for other hosts. */
  private labelOf(request: IncomingMessage): string | null {
    const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')
    if (!this.domain || (host !== this.domain.hostname && !host.endsWith(`.${this.domain.hostname}`))) return null
    return host.slice(0, -this.domain.hostname.length - 1)
  }

  private admitted(label: string, request: IncomingMessage): ForwardSession | null {
    const session = this.forwards.find(label)
    return session?.admits(cookieOf(request.headers.cookie, this.cookieName)) ? session : null
  }

  /** What changes something, and every socket, comes from the forwarded page itself: other sites have no say in it. */
  private originOf({ headers }: IncomingMessage): string {
    return `${this.domain?.protocol ?? ''}//${headers.host ?? ''}`.toLowerCase()
  }

  private async answer(label: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ticket = entrance.exec(request.url ?? '')?.[1]
    if (ticket !== undefined && request.method === 'GET') return this.enter(label, ticket, response)
    const session = this.admitted(label, request)
    if (!session) return refuse(response, 403, 'This page is open to who came from the console. Open the port again on the page Ports of the pod.')
    if (changes(request.method ?? '') && !isOwnPage(request, this.originOf(request), 'not denied')) return refuse(response, 403, 'Another site’s page sent this request, so it was not passed on.')
    session.lastUsed = performance.now()
    session.hold(response)
    await this.relay(session, request, response)
  }

  private async enter(label: string, ticket: string, response: ServerResponse): Promise<void> {
    const session = await this.forwards.enter(label, ticket)
    if (!session) return refuse(response, 403, 'This address was used already or is too old. Open the port again on the page Ports of the pod.')
    const secure = this.domain?.protocol === 'https:' ? '; Secure' : ''
    const cookie = `${this.cookieName}=${session.cookie}; Path=/; HttpOnly; SameSite=Lax${secure}`
    response.writeHead(303, { location: '/', 'set-cookie': cookie, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end()
  }

  private relay(session: ForwardSession, request: IncomingMessage, response: ServerResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const toThePod = this.requestOf(session, request, { agent: session.agent })
      let isAnswered = false
      toThePod.once('response', (answer) => {
        isAnswered = true
        try {
          response.writeHead(statusOf(answer), toBrowser(answer.headers, this.cookieName))
        } catch (error) {
          answer.destroy()
          return reject(error instanceof Error ? error : noHttp())
        }
        pipeline(answer, response).then(resolve, () => {
          response.destroy()
          resolve()
        })
      })
      // Nobody asked for another protocol: Node would leave the request open for ever.
      toThePod.once('upgrade', (_, pod: Duplex) => {
        pod.destroy()
        reject(noHttp())
      })
      toThePod.once('error', reject)
      toThePod.once('close', () => isAnswered || reject(new Error('the pod ended the connection')))
      response.once('close', () => toThePod.destroy())
      pipeline(request, toThePod).catch(() => {})
    })
  }

  private async join(session: ForwardSession, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const tunnel = await session.connect()
      session.lastUsed = performance.now()
      session.hold(socket)
      const toThePod = this.requestOf(session, request, { createConnection: () => tunnel, headers: { connection: 'upgrade', upgrade: request.headers.upgrade ?? '' } })
      toThePod.once('upgrade', (answer, pod: Duplex, first: Buffer) => {
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headerLines({ ...toBrowser(answer.headers, this.cookieName), connection: 'upgrade', upgrade: answer.headers.upgrade ?? '' })}\r\n`)
        socket.write(first)
        pod.write(head)
        void Promise.all([pipeline(socket, pod), pipeline(pod, socket)]).catch(() => {
          socket.destroy()
          pod.destroy()
        })
      })
      toThePod.once('response', (answer) => {
        answer.destroy()
        refuseUpgrade(socket, isStatus(answer.statusCode) ? answer.statusCode : 502)
      })
      toThePod.once('error', () => refuseUpgrade(socket, 502))
      socket.once('close', () => toThePod.destroy())
      toThePod.end()
    } catch {
      refuseUpgrade(socket, 502)
    }
  }

  private requestOf(session: ForwardSession, request: IncomingMessage, options: { agent?: ForwardSession['agent']; createConnection?: () => Duplex; headers?: Record<string, string> }): ClientRequest {
    const browser = { host: request.headers.host ?? '', proto: this.domain?.protocol.replace(':', '') ?? 'http', address: request.socket.remoteAddress ?? '' }
    const { headers, ...rest } = options
    return httpRequest({ ...rest, host: 'pod', port: session.forward.port, method: request.method, path: request.url, setHost: false, headers: { ...toPod(request.headers, this.cookieName, browser), ...headers } })
  }
}

const isStatus = (status: number | undefined): status is number => status !== undefined && status >= 200 && status <= 599

/** Node's client takes any three digits for a status; its server, and browsers, do not. */
function statusOf({ statusCode }: IncomingMessage): number {
  if (isStatus(statusCode)) return statusCode
  throw noHttp()
}

const noHttp = (): DomainError => new DomainError('unavailable', 'What the pod answered is no answer of HTTP. Look at its logs, and check that the port is that of a web server.')

function headerLines(headers: Record<string, unknown>): string {
  return Object.entries(headers).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => `${name}: ${String(each)}\r\n`)).join('')
}

function refuse(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': "sandbox; default-src 'none'" }).end(`${text}\n`)
}

/** A sender that leaves its own half open holds nothing. */
function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

/** A connection that could not be made says why; one that broke off in the middle has no more to tell. */
const reasonOf = (error: unknown): string => (error instanceof TunnelError || error instanceof DomainError ? error.message : 'The pod ended the connection without an answer. Look at its logs, and try again.')
