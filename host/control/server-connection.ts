import { createTRPCUntypedClient, createWSClient, wsLink } from '@trpc/client'
import type { AnyRouter } from '@trpc/server'
import WebSocket from 'ws'
import type { z } from 'zod'

const answerWithinMs = 30_000
const connectWithinMs = 10_000
/** The complete desired set of a large host. */
const maxMessageBytes = 64 << 20

/**
 * One WebSocket to the server, spoken over as tRPC. It is never mended: when it ends, `closed` resolves with the cause, what
 * was asked fails, and another is to be made, for a session belongs to a connection.
 */
export class ServerConnection {
  readonly closed: Promise<string>
  private readonly sockets = new Set<WebSocket>()
  private readonly wsClient: ReturnType<typeof createWSClient>
  private readonly client: ReturnType<typeof createTRPCUntypedClient<AnyRouter>>
  private end: (cause: string) => void = () => {}
  /** Of what is asked and has no answer yet: calls that wait for `closed` itself would each stay with it for as long as the connection does. */
  private readonly waiting = new Set<(error: Error) => void>()
  /** Why it is over; null: it is not. */
  private cause: string | null = null

  constructor(url: string) {
    this.closed = new Promise((resolve) => (this.end = resolve))
    const dialled = (socket: WebSocket) => this.dialled(socket)
    class Socket extends WebSocket {
      constructor(address: string) {
        super(address, { maxPayload: maxMessageBytes, perMessageDeflate: false, handshakeTimeout: connectWithinMs })
        dialled(this)
      }
    }
    this.wsClient = createWSClient({
      url,
      // The DOM's type has more than tRPC's client uses.
      WebSocket: Socket as unknown as typeof globalThis.WebSocket,
      keepAlive: { enabled: true, intervalMs: 10_000, pongTimeoutMs: 10_000 },
      retryDelayMs: () => 0,
      onClose: (event) => this.close(`the server closed the connection${event?.code ? ` (code ${event.code})` : ''}`),
      onError: () => this.close('the server cannot be reached'),
    })
    this.client = createTRPCUntypedClient<AnyRouter>({ links: [wsLink({ client: this.wsClient })] })
  }

  /** Asks and parses the answer. Rejects when the connection ends, or when no answer comes in 30 s, which ends it. */
  query<T>(path: string, answer: z.ZodType<T>): Promise<T> {
    return this.answered(() => this.client.query(path), path, answer)
  }

  mutate<T>(path: string, input: unknown, answer: z.ZodType<T>): Promise<T> {
    return this.answered(() => this.client.mutation(path, input), path, answer)
  }

  /** Sends what may be lost: an answer that is late or an error ends nothing. Rejects when it was not taken. */
  async offer(path: string, input: unknown): Promise<void> {
    await this.whileOpen(() => this.client.mutation(path, input))
  }

  /** Hears of each message until the connection ends. A message that is not as agreed ends it. */
  subscribe<T>(path: string, message: z.ZodType<T>, onMessage: (message: T) => void): void {
    if (this.cause !== null) return
    this.client.subscription(path, undefined, {
      onData: (data: unknown) => {
        const parsed = message.safeParse(data)
        if (parsed.success) onMessage(parsed.data)
        else this.close(`the server sent something else than agreed at ${path}: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`)
      },
      onError: (error) => this.close(`${path}: ${error.message}`),
      onComplete: () => this.close(`the server ended ${path}`),
    })
  }

  close(cause = 'closed by this host'): void {
    if (this.cause !== null) return
    this.cause = cause
    this.end(cause)
    for (const reject of this.waiting) reject(new Error(cause))
    this.wsClient.close().catch(() => {})
    for (const socket of this.sockets) socket.terminate()
  }

  /** Also what the client dials anew in the moment of its end is over. */
  private dialled(socket: WebSocket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    if (this.cause !== null) socket.terminate()
  }

  /** tRPC's client would dial for whatever is asked of it, and go on dialling without a pause until somebody answers: once this is over, nothing is. */
  private async whileOpen(work: () => Promise<unknown>): Promise<unknown> {
    if (this.cause !== null) throw new Error(this.cause)
    let reject: (error: Error) => void = () => {}
    const ended = new Promise<never>((_, refuse) => (reject = refuse))
    this.waiting.add(reject)
    try {
      return await Promise.race([work(), ended])
    } finally {
      this.waiting.delete(reject)
    }
  }

  private async answered<T>(work: () => Promise<unknown>, path: string, answer: z.ZodType<T>): Promise<T> {
    const timer = setTimeout(() => this.close(`the server did not answer ${path} in time`), answerWithinMs)
    try {
      return answer.parse(await this.whileOpen(work))
    } finally {
      clearTimeout(timer)
    }
  }
}
