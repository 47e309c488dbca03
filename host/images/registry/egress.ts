import { chmod, chown, open, type FileHandle } from 'node:fs/promises'
import { createServer as createHttpServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { JailListener } from '../jail/jail'
import { hostOf } from './forbidden'
import { authorization, Forbidden, Reach, type Destination, type Policy, type System } from './reach'

/** Where the jail's own loopback has the proxy: no registry can stand there, for it is forbidden, and no operator lists it by chance. */
const proxyAddress = { address: '127.71.83.67', port: 3128 }
const maxConnections = 64
const maxNotes = 20

/** What a proxy's client prints of a failure, in the words of Go's programs, which registry/classify.ts reads. */
const phrases: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused', ENOTFOUND: 'no such host', EAI_AGAIN: 'name resolution failed', ETIMEDOUT: 'timeout', EHOSTUNREACH: 'no route to host', ENETUNREACH: 'network is unreachable', ECONNRESET: 'connection reset',
}
const phraseOf = (error: unknown): string => (error instanceof Error && 'code' in error && phrases[String(error.code)]) || 'connection failed'

export type EgressOptions = Policy & {
  /** A folder that the jail sees as `place`; the sockets go into it. */
  folder: string
  place: string
  /** The account of the jail. */
  uid: number
  /** All connections together may bring as many bytes. */
  maxBytes: number
  system?: System
}

/**
 * The only way out for a jail that pulls: a proxy of this agent on a socket, for one call of the puller. It resolves names
 * itself, looks at the addresses, and connects to those. So neither a redirect, a token's realm or a layer's URL nor a
 * name that changes its meaning leads to this host, a metadata service or a tenant's network. What the operator lists may be on loopback, which
 * Go's programs do not ask a proxy for: the jail listens there, and is carried there.
 */
export class Egress {
  /** The first destination that was refused. */
  refused: Forbidden | null = null
  readonly #notes: string[] = []
  readonly #open = new Set<Socket | Duplex>()
  readonly #servers: Server[] = []
  readonly #reach: Reach
  #bytes = 0
  #closed = false
  #directory: FileHandle | null = null
  readonly listeners: JailListener[] = []

  private constructor(private readonly options: EgressOptions) {
    this.#reach = new Reach(options, options.system)
  }

  static async open(options: EgressOptions): Promise<Egress> {
    const egress = new Egress(options)
    try {
      await egress.#listen()
      return egress
    } catch (error) {
      await egress.close()
      throw error
    }
  }

  /** For the jail's environment: every program that honours these goes here. */
  get env(): Record<string, string> {
    const proxy = `http://${proxyAddress.address}:${proxyAddress.port}`
    return { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy }
  }

  /** What went wrong here, for {@link classify}: of a connection that was cut the puller only knows that it ended. */
  get notes(): string {
    return this.#notes.join('\n')
  }

  /** Whether failures may tell of a private network what listens in it. */
  get touchedPrivate(): boolean {
    return this.#reach.touchedPrivate
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const socket of this.#open) socket.destroy()
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))))
    await this.#directory?.close()
  }

  async #listen(): Promise<void> {
    this.#directory = await open(this.options.folder)
    const proxy = createHttpServer({ headersTimeout: 10_000, maxHeaderSize: 64 << 10 }, (incoming, outgoing) => void this.#answer(incoming, outgoing).catch(() => outgoing.destroy()))
    proxy.on('connect', (incoming, socket, head) => void this.#tunnel(incoming, socket, head).catch(() => socket.destroy()))
    proxy.on('clientError', (_, socket) => socket.destroy())
    await this.#serve(proxy, proxyAddress)
    for (const { host, port, addresses } of this.#loopback()) await this.#serve(createServer({ allowHalfOpen: true }, (socket) => void this.#carry(socket, addresses, port)), { address: host, port })
  }

  /** Registries on loopback that the operator lists; one without a port is asked on both usual ones. `addresses`: where they are looked for on the host. */
  #loopback(): (Destination & { addresses: string[] })[] {
    const found = this.options.allowed.flatMap((entry) => {
      const host = hostOf(entry).toLowerCase()
      // What "localhost" means in the jail; on the host it may be either.
      const address = host === 'localhost' ? '127.0.0.1' : host
      if (!/^127\./.test(address) && address !== '::1') return []
      const port = /:(\d+)$/.exec(entry.replace(/^\[.*\]/, ''))?.[1]
      return (port === undefined ? [443, 80] : [Number(port)]).map((one) => ({ host: address, port: one, addresses: host === 'localhost' ? [address, '::1'] : [address] }))
    })
    return [...new Map(found.filter(({ host }) => isIP(host) !== 0).map((one) => [`${one.host} ${one.port}`, one])).values()]
  }

  async #serve(server: Server, at: { address: string; port: number }): Promise<void> {
    const name = `egress-${this.#servers.length}`
    server.maxConnections = maxConnections
    server.on('connection', (socket: Socket) => this.#keep(socket))
    this.#servers.push(server)
    // A socket's path may have 107 bytes: the folder's own may be longer.
    const path = `/proc/self/fd/${this.#directory?.fd}/${name}`
    await new Promise<void>((done, reject) => server.once('error', reject).listen(path, done))
    await chmod(path, 0o600)
    if (this.options.uid !== 0) await chown(path, this.options.uid, this.options.uid)
    this.listeners.push({ ...at, socket: join(this.options.place, name) })
  }

  #keep<S extends Socket | Duplex>(socket: S): S {
    if (this.#open.has(socket)) return socket
    socket.on('error', () => {})
    // A connection may come about after the call that it was for has ended.
    if (this.#closed) {
      socket.destroy()
      return socket
    }
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  #fail(error: unknown): string {
    if (error instanceof Forbidden) this.refused ??= error
    const phrase = error instanceof Forbidden ? error.message : phraseOf(error)
    if (this.#notes.length < maxNotes) this.#notes.push(phrase)
    return phrase
  }

  async #reached(scheme: 'http' | 'https', destination: Destination): Promise<Socket> {
    const way = await this.#reach.way(scheme, destination)
    return this.#keep('upstream' in way ? await this.#reach.through(way.upstream, destination) : await this.#reach.connect(way.addresses, destination.port))
  }

  async #tunnel(incoming: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    this.#keep(client)
    const destination = parseAuthority(incoming.url ?? '')
    if (!destination) return void client.end('HTTP/1.1 400 bad destination\r\n\r\n')
    try {
      const target = await this.#reached('https', destination)
      client.write('HTTP/1.1 200 connected\r\n\r\n')
      if (head.length > 0) target.write(head)
      this.#join(client, target)
    } catch (error) {
      client.end(`HTTP/1.1 502 ${this.#fail(error)}\r\n\r\n`)
    }
  }

  /** To what the operator lists: it is not judged again, and Go's programs ask no proxy for loopback. */
  async #carry(client: Socket, addresses: string[], port: number): Promise<void> {
    try {
      this.#join(client, this.#keep(await this.#reach.connect(addresses, port)))
    } catch (error) {
      this.#fail(error)
      client.destroy()
    }
  }

  #join(client: Duplex, target: Socket): void {
    // Who has closed already says so no more.
    if (client.destroyed || target.destroyed) return void [client, target].forEach((one) => one.destroy())
    target.on('data', (chunk: Buffer) => this.#count(chunk.length))
    client.pipe(target)
    target.pipe(client)
    client.once('close', () => target.destroy())
    target.once('close', () => client.destroy())
  }

  /** More than the puller was told to expect is sent by nobody honest. */
  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.options.maxBytes) for (const socket of this.#open) socket.destroy()
  }

  /** A request over plain HTTP: only to registries that are listed, or where a registry redirects to. */
  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = URL.parse(incoming.url ?? '')
    if (url?.protocol !== 'http:') return void outgoing.writeHead(400).end()
    const destination = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) }
    outgoing.on('error', () => {})
    let socket: Socket | null = null
    try {
      const way = await this.#reach.way('http', destination)
      const reached = this.#keep('upstream' in way ? await this.#reach.toProxy(way.upstream) : await this.#reach.connect(way.addresses, destination.port))
      socket = reached
      if (outgoing.destroyed) return void reached.destroy()
      outgoing.once('close', () => reached.destroy())
      const path = 'upstream' in way ? url.href : `${url.pathname}${url.search}`
      const headers = { ...withoutHops(incoming.headers), ...('upstream' in way ? authorization(way.upstream) : {}), connection: 'close' }
      const asking = request({ method: incoming.method ?? 'GET', path, headers, createConnection: () => reached })
      asking.on('error', (error) => this.#refuse(outgoing, error))
      // After 101, which nobody asked for, there is neither an answer nor an error.
      asking.on('close', () => outgoing.headersSent || this.#refuse(outgoing, null))
      asking.on('response', (answer) => this.#pass(answer, outgoing))
      incoming.pipe(asking)
    } catch (error) {
      socket?.destroy()
      this.#refuse(outgoing, error)
    }
  }

  #refuse(outgoing: ServerResponse, error: unknown): void {
    if (outgoing.writableEnded) return
    const phrase = this.#fail(error)
    if (outgoing.headersSent) outgoing.destroy()
    else outgoing.writeHead(502, phrase).end()
  }

  /** A stranger's answer may be one that Node reads but does not write, and nobody catches what an event's listener throws. */
  #pass(answer: IncomingMessage, outgoing: ServerResponse): void {
    answer.on('error', () => outgoing.destroy())
    try {
      const status = answer.statusCode ?? 0
      if (status < 200 || status > 599) throw new Error(`status ${status}`)
      outgoing.writeHead(status, withoutHops(answer.headers))
      answer.on('data', (chunk: Buffer) => this.#count(chunk.length))
      answer.pipe(outgoing)
    } catch (error) {
      answer.destroy()
      this.#refuse(outgoing, error)
    }
  }
}

const hops = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])
const withoutHops = (headers: IncomingMessage['headers']) => Object.fromEntries(Object.entries(headers).filter(([name, value]) => !hops.has(name) && value !== undefined))

/** `host:port` as CONNECT names it, brackets around IPv6. */
function parseAuthority(text: string): Destination | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.%]{2,64})\]|([^:/@\s]{1,255})):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) < 1 || Number(port) > 65535 ? null : { host, port: Number(port) }
}

