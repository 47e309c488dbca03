import { EventEmitter } from 'node:events'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { FairShare } from '@/host/fair-share'
import { LineReader } from './qmp-lines'
import { VmError } from './machine'

const Greeting = z.object({ QMP: z.object({ version: z.object({ qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }) }) }) })
const Event = z.object({ event: z.string().max(100), data: z.record(z.string(), z.unknown()).optional() })
const Success = z.object({ return: z.unknown(), id: z.number() })
const Failure = z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() })

export type QmpEvent = z.infer<typeof Event>

/** A command that QEMU refused. */
export class QmpRefusal extends VmError {}

/** QEMU broke the protocol, did not answer in time or is gone; the connection is of no more use. */
export class QmpLost extends VmError {}

/**
 * QEMU may be run by an escaped guest: a line longer than this, or more events a second, is no QEMU of ours. Of 20 volumes with a chain of 16 layers each, what it says of its nodes
 * are 1.2 MB, and what it counted of them 0.9 MB and 41,000 values.
 */
const maxLineBytes = 4 << 20
/** No message of QEMU's has so many; JSON is cheap to send and dear to parse. */
const maxValues = 100_000
const maxEventsPerSecond = 2000
const maxReasonLength = 500

type Pending = { resolve: (value: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
export type QmpOptions = { timeoutMs?: number; signal?: AbortSignal }

/** A client of one QEMU's monitor (QMP). What arrives is bounded and parsed. Emits `event`, and `close` once. */
export class QmpClient extends EventEmitter<{ event: [QmpEvent]; close: [QmpLost] }> {
  private readonly pending = new Map<number, Pending>()
  private nextId = 1
  private readonly lines = new LineReader(maxLineBytes, maxValues)
  private readonly share = new FairShare()
  private pause: NodeJS.Timeout | undefined
  private events = { second: 0, count: 0 }
  private lost: QmpLost | undefined
  private onGreeting: (() => void) | undefined

  private constructor(private readonly socket: Socket) {
    super()
    this.setMaxListeners(0)
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', (error) => this.fail(new QmpLost(`QEMU's monitor: ${error.message}`)))
    socket.on('close', () => this.fail(new QmpLost('QEMU closed its monitor')))
  }

  /** Connects to a monitor's socket and agrees on the protocol. Throws QmpLost, also when there is no socket (yet). */
  static async connect(path: string, { timeoutMs = 5000, signal }: QmpOptions = {}): Promise<QmpClient> {
    signal?.throwIfAborted()
    const client = new QmpClient(connect(path))
    const abort = () => client.fail(new QmpLost('aborted', { cause: signal?.reason }))
    const timer = setTimeout(() => client.fail(new QmpLost(`QEMU's monitor did not greet within ${timeoutMs} ms`)), timeoutMs)
    signal?.addEventListener('abort', abort)
    try {
      await new Promise<void>((resolve, reject) => {
        client.onGreeting = resolve
        client.once('close', reject)
      })
      await client.execute('qmp_capabilities', {}, z.unknown(), { timeoutMs })
      return client
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  get closed(): boolean {
    return this.lost !== undefined
  }

  /** Carries out a command and parses its answer. Throws QmpRefusal, or QmpLost when none came in time (default 10 s). */
  execute<T>(command: string, args: Record<string, unknown>, answer: z.ZodType<T>, { timeoutMs = 10_000 }: { timeoutMs?: number } = {}): Promise<T> {
    if (this.lost) return Promise.reject(this.lost)
    const id = this.nextId++
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.fail(new QmpLost(`QEMU did not answer ${command} within ${timeoutMs} ms`)), timeoutMs)
      this.pending.set(id, { resolve, reject: (error) => reject(error instanceof QmpRefusal ? new QmpRefusal(`${command}: ${error.message}`) : error), timer })
      this.socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    }).then((value) => {
      const parsed = answer.safeParse(value)
      if (parsed.success) return parsed.data
      const error = new QmpLost(`QEMU's answer to ${command} is not what it should be`, { cause: parsed.error })
      this.fail(error)
      throw error
    })
  }

  /** A command whose answer does not matter. */
  async command(command: string, args: Record<string, unknown> = {}, options: { timeoutMs?: number } = {}): Promise<void> {
    await this.execute(command, args, z.unknown(), options)
  }

  /** Resolves at the next event that fits. Ask before the command that causes it. Throws QmpLost, or VmError when none came in time. */
  nextEvent(fits: (event: QmpEvent) => boolean, what: string, timeoutMs: number): Promise<QmpEvent> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.off('event', onEvent)
        this.off('close', onClose)
      }
      const onEvent = (event: QmpEvent) => {
        if (!fits(event)) return
        end()
        resolve(event)
      }
      const onClose = (error: QmpLost) => {
        end()
        reject(error)
      }
      const timer = setTimeout(() => {
        end()
        reject(new VmError(`${what} did not happen within ${timeoutMs} ms`))
      }, timeoutMs)
      this.on('event', onEvent)
      if (this.lost) onClose(this.lost)
      else this.on('close', onClose)
    })
  }

  close(): void {
    this.fail(new QmpLost('closed'))
  }

  private take(chunk: Buffer): void {
    const began = performance.now()
    for (const line of this.lines.push(chunk)) {
      if (this.lost) return
      if (line === 'too long') return this.fail(new QmpLost('QEMU sent a line that is too long'))
      if (line === 'too many values') return this.fail(new QmpLost('QEMU sent a message of too many values'))
      this.message(line.toString('utf8'))
    }
    const pauseMs = this.share.spent(performance.now() - began)
    if (pauseMs === 0 || this.lost) return
    this.socket.pause()
    this.pause = setTimeout(() => this.socket.resume(), pauseMs)
  }

  private message(text: string): void {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return this.fail(new QmpLost('QEMU sent something that is not JSON'))
    }
    if (this.onGreeting) {
      if (!Greeting.safeParse(value).success) return this.fail(new QmpLost('QEMU did not greet'))
      this.onGreeting()
      this.onGreeting = undefined
      return
    }
    const event = Event.safeParse(value)
    if (event.success) return this.event(event.data)
    const failure = Failure.safeParse(value)
    if (failure.success) return this.settle(failure.data.id, (pending) => pending.reject(new QmpRefusal(failure.data.error.desc.slice(0, maxReasonLength))))
    const success = Success.safeParse(value)
    if (success.success) return this.settle(success.data.id, (pending) => pending.resolve(success.data.return))
    this.fail(new QmpLost('QEMU sent a message of an unknown kind'))
  }

  private event(event: QmpEvent): void {
    const second = Math.floor(Date.now() / 1000)
    this.events = second === this.events.second ? { second, count: this.events.count + 1 } : { second, count: 1 }
    if (this.events.count > maxEventsPerSecond) return this.fail(new QmpLost('QEMU floods with events'))
    this.emit('event', event)
  }

  private settle(id: number | undefined, how: (pending: Pending) => void): void {
    const pending = id === undefined ? undefined : this.pending.get(id)
    if (!pending || id === undefined) return this.fail(new QmpLost('QEMU answered what nobody asked'))
    this.pending.delete(id)
    clearTimeout(pending.timer)
    how(pending)
  }

  private fail(error: QmpLost): void {
    if (this.lost) return
    this.lost = error
    clearTimeout(this.pause)
    this.lines.forget()
    this.socket.destroy()
    for (const pending of this.pending.values()) {
      clearTimeout(pending.timer)
      pending.reject(error)
    }
    this.pending.clear()
    this.emit('close', error)
  }
}
