import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { initTRPC } from '@trpc/server'
import { observable } from '@trpc/server/observable'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'
import { challengeOutput, heartbeatInput, helloInput, helloOutput, helloSignatureText, reportInput, type DesiredMessage, type HelloInput, type ReportInput } from '@/contracts/host/v1'

/** The server's side of the host contract, as small as a test needs it: a real tRPC server over a real WebSocket. */
export class TestServer {
  readonly hellos: HelloInput[] = []
  readonly reports: ReportInput[] = []
  heartbeats = 0
  /** What a new subscription is told first. */
  first: DesiredMessage[] = [{ kind: 'desired', revision: '0', assignments: [] }]
  /** A report waits for this. */
  reportHold: Promise<void> = Promise.resolve()
  private tell: (message: DesiredMessage) => void = () => {}
  private readonly streams = new Map<string, (socket: WebSocket) => void>()
  private readonly control = new WebSocketServer({ noServer: true })
  private readonly raw = new WebSocketServer({ noServer: true })
  private server: Server = createServer()

  private constructor(private port: number) {}

  static async start(): Promise<TestServer> {
    const server = new TestServer(0)
    applyWSSHandler({ wss: server.control, router: server.router(), createContext: () => ({ nonce: randomBytes(16).toString('hex'), hostId: null as string | null }) })
    await server.listen()
    return server
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws/host`
  }

  /** Tells the host what it shall do now. */
  send(message: DesiredMessage): void {
    this.tell(message)
  }

  /** The socket that a host dials for a stream of this path. */
  expectStream(path: string): Promise<WebSocket> {
    return new Promise((resolve) => this.streams.set(path, resolve))
  }

  /** Ends all connections at once, as a crash does. */
  drop(): void {
    for (const socket of this.control.clients) socket.terminate()
  }

  async stop(): Promise<void> {
    for (const socket of [...this.control.clients, ...this.raw.clients]) socket.terminate()
    await new Promise((resolve) => this.server.close(resolve))
  }

  /** Listens again on the same port, after {@link TestServer.stop}. */
  async listen(): Promise<void> {
    this.server = createServer((_, response) => response.writeHead(404).end())
    this.server.on('upgrade', (request, socket, head) => {
      const path = request.url ?? ''
      const stream = this.streams.get(path)
      this.streams.delete(path)
      if (path === '/ws/host') this.control.handleUpgrade(request, socket, head, (ws) => this.control.emit('connection', ws, request))
      else if (stream) this.raw.handleUpgrade(request, socket, head, stream)
      else socket.destroy()
    })
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.server.address() as AddressInfo).port
  }

  private router() {
    const t = initTRPC.context<{ nonce: string; hostId: string | null }>().create()
    const known = t.procedure.use(({ ctx, next }) => {
      if (!ctx.hostId) throw new Error('no hello')
      return next()
    })
    return t.router({
      host: t.router({
        challenge: t.procedure.output(challengeOutput).query(({ ctx }) => ({ nonce: ctx.nonce })),
        hello: t.procedure.input(helloInput).output(helloOutput).mutation(({ ctx, input }) => {
          const key = createPublicKey({ key: Buffer.from(input.publicKey, 'base64'), format: 'der', type: 'spki' })
          if (!verify(null, Buffer.from(helloSignatureText(ctx.nonce, input.publicKey, input.bootId)), key, Buffer.from(input.signature, 'base64'))) throw new Error('bad signature')
          ctx.hostId = '11111111-1111-4111-8111-111111111111'
          this.hellos.push(input)
          return { hostId: ctx.hostId, heartbeatSeconds: 1 }
        }),
        desired: known.subscription(() =>
          observable<DesiredMessage>((observer) => {
            const tell = (message: DesiredMessage) => observer.next(message)
            this.tell = tell
            for (const message of this.first) observer.next(message)
            // What is told before the next subscription comes with that.
            return () => {
              if (this.tell === tell) this.tell = () => {}
            }
          }),
        ),
        report: known.input(reportInput).output(z.object({})).mutation(async ({ input }) => {
          this.reports.push(input)
          await this.reportHold
          return {}
        }),
        heartbeat: known.input(heartbeatInput).output(z.object({})).mutation(() => {
          this.heartbeats += 1
          return {}
        }),
      }),
    })
  }
}
